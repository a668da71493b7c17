// Draws the plots in their places, and again where the page's colours change.
(function () {
  "use strict";
  const drawn = [];
  const plots = JSON.parse(document.getElementById("plots").textContent);
  for (const [place, item] of Object.entries(plots)) {
    Bokeh.embed.embed_item(item, place).then((views) => {
      drawn.push(...views);
      document.getElementById(place).dataset.drawn = "yes";
    });
  }
  const repaint = () => drawn.forEach((view) => view.invalidate_render ? view.invalidate_render() : view.request_render());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  matchMedia("print").addEventListener("change", repaint);
})();
