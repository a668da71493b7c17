// Draws the plots in their places, and again where the page's colours change.
(function () {
  "use strict";
  const NARROW = 600;
  const LONGEST = 18;
  const drawn = [];
  // On a narrow screen the names leave room for what they name.
  const shorten = (axis) => {
    const short = (name) => name.length > LONGEST ? `${name.slice(0, 5)}…${name.slice(6 - LONGEST)}` : name;
    axis.major_label_overrides = new Map([...axis.major_label_overrides].map(([place, name]) => [place, short(name)]));
  };
  const plots = JSON.parse(document.getElementById("plots").textContent);
  for (const [place, item] of Object.entries(plots)) {
    Bokeh.embed.embed_item(item, place).then((views) => {
      drawn.push(...views);
      if (innerWidth < NARROW) [...views].forEach(({ model }) => (model.left || []).forEach(shorten));
      document.getElementById(place).dataset.drawn = "yes";
    });
  }
  const repaint = () => drawn.forEach((view) => view.rerender());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  matchMedia("print").addEventListener("change", repaint);
})();
