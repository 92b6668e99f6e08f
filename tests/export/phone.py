"""What a page looks like on a phone, for the tests of all pages."""


def show_on_a_phone(page, scheme):
    """Make a Playwright page 390 pixels wide, in a "light" or "dark" colour scheme."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})


def overflowing(page):
    """What lies outside of a phone's screen and not in a table that scrolls: a list of HTML."""
    outside = page.evaluate(
        "[...document.body.querySelectorAll('*')].filter(e => !e.closest('.scroll, svg')"
        " && e.getBoundingClientRect().right > 390.5).map(e => e.outerHTML.slice(0, 80))"
    )
    width = page.evaluate("document.documentElement.scrollWidth")
    return outside + ([f"the page, {width} pixels wide"] if width > 390 else [])
