"use strict";
(function () {
  const form = document.getElementById("filters");
  const items = Array.from(document.querySelectorAll(".evidence > li"));
  const shown = document.getElementById("shown");
  form.hidden = false;

  function named(name) {
    return form.querySelector("[name='" + name + "']:not([data-facet])");
  }

  function apply() {
    const wanted = [];
    for (const select of form.querySelectorAll("select[data-facet]")) {
      if (select.value) wanted.push(" " + select.name + "=" + select.value + " ");
    }
    const author = named("author").value;
    const coders = named("coders").value;
    const words = named("words").value.trim().toLowerCase();
    let count = 0;
    for (const item of items) {
      const values = " " + item.dataset.values + " ";
      const keep = (!author || item.dataset.author === author)
        && (!coders || item.dataset.differ === coders)
        && wanted.every((part) => values.includes(part))
        && (!words || item.textContent.toLowerCase().includes(words));
      item.hidden = !keep;
      if (keep) count += 1;
    }
    shown.textContent = count + " of " + items.length + " passages";
  }

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.to-evidence");
    if (link) {
      form.reset();
      named("author").value = link.dataset.author;
      const values = link.dataset.value.split(" x ");
      const facets = link.dataset.facets.split(" x ");
      for (const select of form.querySelectorAll("select[data-facet]")) {
        const place = facets.indexOf(select.name);
        if (place >= 0) select.value = values[place];
      }
      setTimeout(apply, 1);
    } else if (event.target.closest("a.to-passage")) {
      form.reset();
      setTimeout(apply);
    }
  });
  apply();
})();
