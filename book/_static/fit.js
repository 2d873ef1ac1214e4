/* An equation or a table wider than its column, as on a phone, is set smaller, so that nothing of it is cut
   off; below a size that can still be read it is scrolled instead. */
(() => {
  const SMALLEST = 7.5; // pixels
  const EQUATIONS = '.bd-article mjx-container[display="true"], .bd-article span.math';
  const TABLES = ".bd-article .table-frame, .bd-article .pst-scrollable-table-container";
  const LAST_RESORTS = ["wrapped", "tight"]; // means come apart from their spread, then words break
  const widths = new WeakMap(); // of each box, when it was last fitted
  const sizes = new WeakMap(); // what MathJax gave an equation, to match the text

  function fit(box) {
    const inner = box.matches("mjx-container") ? box : box.querySelector("mjx-container, table");
    if (!inner || !box.clientWidth || widths.get(box) === box.clientWidth) return;
    widths.set(box, box.clientWidth);
    if (!sizes.has(inner)) sizes.set(inner, inner.style.fontSize);
    inner.classList.remove(...LAST_RESORTS);
    shrink(box, inner);
    for (const name of inner.matches("table") ? LAST_RESORTS : []) {
      if (box.scrollWidth <= box.clientWidth + 1) break;
      inner.classList.add(name);
      shrink(box, inner);
    }
  }

  function shrink(box, inner) {
    inner.style.fontSize = sizes.get(inner);
    for (let i = 0; i < 4 && box.scrollWidth > box.clientWidth + 1; i++) {
      const now = parseFloat(getComputedStyle(inner).fontSize);
      const size = Math.max(SMALLEST, now * (box.clientWidth / box.scrollWidth) * 0.995);
      inner.style.setProperty("font-size", `${size}px`, "important");
    }
  }

  // A mean and its spread stay on one line.
  const MEAN_SD = /^[+\u2212-]?[\d.]+ ± [\d.]+( \(\d+\))?$/;
  const isMeanSd = (cell) => MEAN_SD.test(cell.textContent.trim());

  const observer = new ResizeObserver((entries) => entries.forEach((entry) => fit(entry.target)));
  const watch = (boxes) => document.querySelectorAll(boxes).forEach((box) => observer.observe(box));

  window.addEventListener("load", async () => {
    const cells = [...document.querySelectorAll(".bd-article td")];
    cells.filter(isMeanSd).forEach((cell) => cell.classList.add("number"));
    await window.MathJax?.startup?.promise; // a table may hold equations
    watch(EQUATIONS);
    watch(TABLES);
  });
})();
