const byId = (id) => document.getElementById(id);
const model = JSON.parse(byId("metadata").textContent);
// Larger side of the picture in pixels: not larger than screens, nor so small that the box blurs.
const SMALLEST_VIEW = 800, LARGEST_VIEW = 1600;
const OLD_BROWSER = "This browser is too old for this page: it needs one of 2023 or later.";

let ort, session;
let latest = null; // the answer that is shown
let turn = 0; // counts the photos asked for: of two at once, the later one stays
let stream = null; // the camera's, while it runs

function bytesOf(id) {
  return Uint8Array.from(atob(byId(id).textContent), (character) => character.charCodeAt(0));
}

async function unpacked(id) {
  const packed = new Blob([bytesOf(id)]).stream();
  return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// Words of 4 bytes, which came first bytes first (`_byte_planes` of localizer/export/browser.py).
function interleaved(planes) {
  const words = planes.length >> 2, bytes = planes.slice();
  for (let i = 0; i < 4 * words; i++) bytes[i] = planes[(i % 4) * words + (i >> 2)];
  return bytes;
}

async function start() {
  if (!("DecompressionStream" in window)) throw new Error(OLD_BROWSER);
  const module = new Blob([await unpacked("runtime-module")], { type: "text/javascript" });
  ort = await import(URL.createObjectURL(module));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked("runtime-wasm");
  const options = { executionProviders: ["wasm"] };
  const graph = interleaved(new Uint8Array(await unpacked("graph")));
  session = await ort.InferenceSession.create(graph, options);
  // The first run is slower than the others.
  await run(new Float32Array(3 * model.image_size ** 2));
}

function run(input) {
  const shape = [1, model.image_size, model.image_size, 3];
  return session.run({ image: new ort.Tensor("float32", input, shape) });
}

// The answer for a decoded photo; the fields of localize_images.py --json, and what it took.
async function localize(bitmap, name) {
  const began = performance.now();
  const input = networkInput(bitmap, model.stored_size, model.image_size);
  const resized = performance.now();
  const outputs = await run(input);
  const done = performance.now();
  const { width, height } = bitmap;
  const [xmin, ymin, xmax, ymax] = Array.from(outputs.box.data, (value, i) =>
    rounded(Math.min(Math.max(value, 0), 1) * (i % 2 ? height : width), 2),
  );
  const classes = outputs.class ? Array.from(outputs.class.data) : [];
  return {
    image: name, xmin, ymin, xmax, ymax,
    score: outputs.score ? rounded(outputs.score.data[0], 4) : null,
    label: classes.length ? model.labels[classes.indexOf(Math.max(...classes))] : null,
    width, height, model: model.name, target: model.target,
    resize_ms: rounded(resized - began, 2), network_ms: rounded(done - resized, 2),
  };
}

const rounded = (value, digits) => Number(value.toFixed(digits));

function draw(bitmap, answer) {
  const view = byId("view");
  const side = Math.max(bitmap.width, bitmap.height);
  const scale = Math.min(Math.max(side, SMALLEST_VIEW), LARGEST_VIEW) / side;
  view.width = Math.max(1, Math.round(bitmap.width * scale));
  view.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = view.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, view.width, view.height);
  context.drawImage(bitmap, 0, 0, view.width, view.height);
  byId("stage").classList.add("filled");
  const pixel = view.width / view.clientWidth; // one of the screen's, in the canvas's
  const corners = [answer.xmin, answer.ymin, answer.xmax - answer.xmin, answer.ymax - answer.ymin];
  for (const [colour, thickness] of [["#fff", 6], ["#eb1e2d", 3.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = thickness * pixel;
    context.lineJoin = "round";
    context.strokeRect(...corners.map((value) => value * scale));
  }
}

function show(bitmap, answer, framesPerSecond) {
  latest = answer;
  draw(bitmap, answer);
  const edges = ["xmin", "ymin", "xmax", "ymax"].map((edge) => Math.round(answer[edge]));
  const texts = {
    photo: answer.image,
    size: `${answer.width} × ${answer.height} px`,
    score: answer.score === null ? "none" : answer.score.toFixed(2),
    label: answer.label,
    resize: `${answer.resize_ms.toFixed(1)} ms`,
    network: `${answer.network_ms.toFixed(1)} ms`,
    rate: framesPerSecond && `${framesPerSecond} per second`,
    decode: answer.decode_ms === undefined ? null : `${answer.decode_ms.toFixed(0)} ms`,
  };
  ["xmin", "ymin", "xmax", "ymax"].forEach((edge, i) => (texts[edge] = String(edges[i])));
  for (const [name, text] of Object.entries(texts)) {
    byId(`value-${name}`).textContent = text || "";
    const row = byId(`row-${name}`);
    if (row) row.hidden = !text;
  }
  const described = `${answer.image}, with a red box around the ${model.target}`;
  byId("view").setAttribute("aria-label", described);
  byId("result").hidden = false;
}

function say(text) {
  byId("status").textContent = text;
  byId("problem").textContent = "";
}

function complain(text) {
  byId("status").textContent = "";
  byId("problem").textContent = text;
}

function clear() {
  latest = null;
  byId("result").hidden = true;
  byId("stage").classList.remove("filled");
  byId("view").removeAttribute("aria-label");
}

async function localizeFile(file, name) {
  stopCamera();
  const mine = ++turn;
  say(session ? `Reading ${name} …` : "Starting the network …");
  let bitmap;
  try {
    await ready;
    const began = performance.now();
    bitmap = await decoded(file, name);
    const decode_ms = rounded(performance.now() - began, 2);
    const answer = { ...(await localize(bitmap, name)), decode_ms };
    if (mine !== turn) return;
    show(bitmap, answer);
    say(`${name}: done.`);
  } catch (error) {
    if (mine !== turn) return;
    clear();
    complain(error.message);
  } finally {
    bitmap?.close();
  }
}

// Upright by its EXIF orientation; colours as they are stored, without a colour profile.
async function decoded(file, name) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
  try {
    return await createImageBitmap(file, options);
  } catch {
    const reason = file.size ? "this browser cannot read it as a photo" : "the file is empty";
    throw new Error(`${name}: ${reason}. JPEG, PNG and WebP work everywhere, HEIC in Safari.`);
  }
}

async function startCamera() {
  const mine = ++turn;
  say("Waiting for the camera …");
  try {
    await ready;
    if (!navigator.mediaDevices) throw new Error("this browser gives it to https pages alone");
    const opened = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 } },
    });
    if (mine !== turn) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    stream.getVideoTracks()[0].onended = stopCamera;
    byId("video").srcObject = stream;
    await byId("video").play();
    byId("camera").textContent = "Stop the camera";
    say("The camera is on.");
    await watch(opened);
  } catch (error) {
    if (mine !== turn) return;
    stopCamera();
    complain(`The camera cannot be used: ${error.message}.`);
  }
}

async function watch(mine) {
  const times = [];
  while (stream === mine) {
    const frame = await createImageBitmap(byId("video"));
    const answer = await localize(frame, "camera");
    const now = performance.now();
    while (times.length && times[0] < now - 2000) times.shift();
    const rate = times.length > 1 ? Math.round((1000 * times.length) / (now - times[0])) : null;
    times.push(now);
    if (stream === mine) show(frame, answer, rate);
    frame.close();
    // Also stands still while the page is not seen.
    await new Promise(requestAnimationFrame);
  }
}

function stopCamera() {
  if (!stream) return;
  turn++;
  stream.getTracks().forEach((track) => track.stop());
  stream = byId("video").srcObject = null;
  byId("camera").textContent = "Use the camera";
  say("The camera is off.");
}

function download() {
  const link = document.createElement("a");
  const content = JSON.stringify(latest, null, 2) + "\n";
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = `${latest.image}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

byId("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) localizeFile(file, file.name);
  event.target.value = ""; // so that the same file can be chosen again
});
byId("sample").addEventListener("click", () =>
  localizeFile(new Blob([bytesOf("sample-photo")]), "chelsea.jpg"),
);
byId("camera").addEventListener("click", () => (stream ? stopCamera() : startCamera()));
byId("download").addEventListener("click", download);
document.addEventListener("dragover", (event) => {
  event.preventDefault(); // or the browser would open the photo in place of the page
  byId("stage").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) byId("stage").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("stage").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) localizeFile(file, file.name);
  else complain("That was not a file. Save the picture first, then drop the file.");
});

const ready = start();
ready.then(
  () => turn || say("Ready."),
  (error) => complain(`The network cannot be started: ${error.message}`),
);
