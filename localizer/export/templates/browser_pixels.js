// The resize that the model was trained with, on plain pixel arrays: canvases scale differently
// from browser to browser. Pixels are RGB bytes, row by row, in a Uint8ClampedArray, which rounds
// halves to even as OpenCV does.

// localizer/training/augmentation.py's FILL: what the warp mixes in beyond the photo's edge.
const FILL = 124;
// Rows read from the canvas at a time: memory stays flat, and phones limit a canvas's area.
const STRIP_ROWS = 256;

// What the network takes for a photo, float32 [size, size, 3], 0 to 255: photos.stretch to
// `stored` pixels, then augmentation.resample to `size`.
function networkInput(bitmap, stored, size) {
  const width = Math.min(bitmap.width, stored), height = Math.min(bitmap.height, stored);
  const shrunk = shrink(bitmap, width, height);
  return Float32Array.from(warp(enlarge(shrunk, width, height, stored), stored, size));
}

// Area averaging (OpenCV's INTER_AREA) to a width and a height that are not larger. Transparent
// parts are laid over white.
function shrink(bitmap, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = Math.min(bitmap.height, STRIP_ROWS);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  const columns = overlaps(bitmap.width, width);
  const line = new Float32Array(3 * width), sums = new Float32Array(3 * width * height);
  const scale = bitmap.height / height;
  for (let top = 0; top < bitmap.height; top += canvas.height) {
    const rows = Math.min(canvas.height, bitmap.height - top);
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, -top);
    const rgba = context.getImageData(0, 0, canvas.width, rows).data;
    for (let row = 0; row < rows; row++) {
      averageRow(rgba, 4 * row * canvas.width, columns, line);
      const y = top + row;
      const first = Math.floor(y / scale), last = Math.min(Math.ceil((y + 1) / scale), height);
      for (let to = first; to < last; to++) {
        const weight = overlap(y, to, scale);
        const at = to * line.length;
        for (let i = 0; i < line.length; i++) sums[at + i] += weight * line[i];
      }
    }
  }
  return Uint8ClampedArray.from(sums);
}

// The share that source pixel `from` has in target pixel `to`, which covers `scale` of them.
function overlap(from, to, scale) {
  return Math.max(0, Math.min(from + 1, (to + 1) * scale) - Math.max(from, to * scale)) / scale;
}

// For each of `to` target pixels: the first source pixel, the one after the last, their weights.
function overlaps(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, x) => {
    const begin = Math.floor(x * scale), end = Math.min(Math.ceil((x + 1) * scale), from);
    const share = (_, i) => overlap(begin + i, x, scale);
    return { begin, end, weights: Float32Array.from({ length: end - begin }, share) };
  });
}

function averageRow(rgba, start, columns, line) {
  for (let x = 0; x < columns.length; x++) {
    const { begin, end, weights } = columns[x];
    let red = 0, green = 0, blue = 0;
    for (let i = 0, at = start + 4 * begin; i < end - begin; i++, at += 4) {
      red += weights[i] * rgba[at];
      green += weights[i] * rgba[at + 1];
      blue += weights[i] * rgba[at + 2];
    }
    line[3 * x] = red;
    line[3 * x + 1] = green;
    line[3 * x + 2] = blue;
  }
}

// To size x size, which is nowhere smaller: OpenCV's INTER_LINEAR of bytes, bit for bit. Its weights
// are 2048ths, and it drops bits after each of its two passes.
function enlarge(pixels, width, height, size) {
  const columns = clampedNeighbours(width, size), rows = clampedNeighbours(height, size);
  const line = 3 * size, wide = new Int32Array(line * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (const [left, right, along] of columns) {
      for (let c = 0; c < 3; c++) {
        const one = pixels[3 * (y * width + left) + c], other = pixels[3 * (y * width + right) + c];
        wide[at++] = one * (2048 - along) + other * along;
      }
    }
  }
  const result = new Uint8ClampedArray(line * size);
  let at = 0;
  for (const [top, bottom, down] of rows) {
    for (let i = 0; i < line; i++) {
      const upper = ((2048 - down) * (wide[top * line + i] >> 4)) >> 16;
      const lower = (down * (wide[bottom * line + i] >> 4)) >> 16;
      result[at++] = (upper + lower + 2) >> 2;
    }
  }
  return result;
}

// For each of `to` pixels, whose centres are on half coordinates: the two of `from` beside it, at
// the edge the same one twice, and the weight of the second in 2048ths.
function clampedNeighbours(from, to) {
  const inside = (i) => Math.min(Math.max(i, 0), from - 1);
  return Array.from({ length: to }, (_, i) => {
    const center = Math.fround((i + 0.5) * (from / to) - 0.5), low = Math.floor(center);
    return [inside(low), inside(low + 1), Math.round(2048 * Math.fround(center - low))];
  });
}

// A square to size x size, bilinear; FILL stands for what is outside.
function warp(pixels, from, size) {
  if (from === size) return pixels;
  const lines = neighbours(from, size);
  const result = new Uint8ClampedArray(3 * size * size);
  const value = (x, y, c) =>
    x < 0 || y < 0 || x >= from || y >= from ? FILL : pixels[3 * (y * from + x) + c];
  let at = 0;
  for (const [top, bottom, down] of lines) {
    for (const [left, right, along] of lines) {
      for (let c = 0; c < 3; c++) {
        const upper = value(left, top, c) * (1 - along) + value(right, top, c) * along;
        const lower = value(left, bottom, c) * (1 - along) + value(right, bottom, c) * along;
        result[at++] = upper * (1 - down) + lower * down;
      }
    }
  }
  return result;
}

function neighbours(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const center = ((i + 0.5) * from) / to - 0.5, low = Math.floor(center);
    return [low, low + 1, center - low];
  });
}
