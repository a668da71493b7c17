// Draws the plots in their places, and again where the page's colours change.
(function () {
  "use strict";
  const NARROW = 600;
  const LONGEST = 18;
  const short = (name) => name.length > LONGEST ? `${name.slice(0, 5)}…${name.slice(6 - LONGEST)}` : name;
  // On a narrow screen the names at the axes leave room for what they name.
  const fitting = (_, one) => {
    if (innerWidth < NARROW && one && one.name === "PlainText") one.attributes.text = short(one.attributes.text);
    return one;
  };
  const drawn = [];
  const plots = JSON.parse(document.getElementById("plots").textContent, fitting);
  for (const [place, item] of Object.entries(plots)) {
    Bokeh.embed.embed_item(item, place).then((views) => {
      drawn.push(...[...views].filter(({ model }) => model.type === "Figure"));
      document.getElementById(place).dataset.drawn = "yes";
    });
  }
  const repaint = () => drawn.forEach((view) => view.rerender());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  matchMedia("print").addEventListener("change", repaint);
})();
