// What a reader would miss on the page shown: a list of [fault, size, limit, where].
(() => {
  const width = document.documentElement.clientWidth;
  const dark = document.documentElement.dataset.theme === "dark";
  const found = [];
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const alpha = (colour) => colour[3] ?? 1;
  const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const over = (top, below) => below.map((v, i) => v * (1 - alpha(top)) + top[i] * alpha(top));
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(numbers(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const shown = (e) => {
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height || getComputedStyle(e).visibility === "hidden") return false;
    for (let p = e; p; p = p.parentElement) if (getComputedStyle(p).opacity === "0") return false;
    return true;
  };
  const scrolled = (e) => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== "visible") return true;
    return false;
  };
  const note = (fault, size, limit, e) =>
    found.push([fault, +size.toFixed(2), limit, `${e.tagName} ${e.textContent.trim().slice(0, 60)}`]);

  if (document.documentElement.scrollWidth > width)
    note("the page is wider than the window", document.documentElement.scrollWidth, width, document.body);
  document.querySelectorAll("mjx-merror").forEach((e) => note("equation with an error", 0, 0, e));
  document.querySelectorAll("article .math:not(:has(mjx-container))").forEach((e) => note("equation not set", 0, 0, e));
  for (const e of document.querySelectorAll("article *")) {
    if (e.closest("mjx-math, mjx-assistive-mml") || !shown(e)) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (!scrolled(e) && (box.right > width + 1 || box.left < -1)) note("beyond the window", box.right, width, e);
    if (style.overflowX !== "visible" && e.tagName !== "PRE" && e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
      note("cut off", e.scrollWidth, e.clientWidth, e);
    if (e.tagName === "TABLE" && box.width > 701) note("table too wide", box.width, 700, e);
    if ([...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim())) {
      const below = ground(e), ink = over(numbers(style.color), below);
      const [low, high] = [luminance(ink), luminance(below)].sort((a, b) => a - b);
      if ((high + 0.05) / (low + 0.05) < 4.5) note("faint", (high + 0.05) / (low + 0.05), 4.5, e);
    }
    const own = numbers(style.backgroundColor);
    if (dark && style.filter === "none" && alpha(own) > 0.3 && luminance(own) > 0.4)
      note("light on the dark page", luminance(own), 0.4, e);
  }
  return found;
})();
