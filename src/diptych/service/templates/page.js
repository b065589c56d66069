"use strict";
(function () {
  // a dropped file goes where a chosen one goes; changed values are outlined. The page works without.
  const ask = document.querySelector(".ask");
  const file = document.getElementById("file");
  ask.addEventListener("dragover", (event) => {
    event.preventDefault();
    ask.classList.add("over");
  });
  ask.addEventListener("dragleave", () => ask.classList.remove("over"));
  ask.addEventListener("drop", (event) => {
    event.preventDefault();
    ask.classList.remove("over");
    if (event.dataTransfer.files.length) file.files = event.dataTransfer.files;
  });
  for (const select of document.querySelectorAll(".facet select")) {
    const first = document.getElementsByName(select.name.replace("value-", "predicted-"))[0].value;
    select.addEventListener("change", () => select.classList.toggle("changed", select.value !== first));
  }
})();
