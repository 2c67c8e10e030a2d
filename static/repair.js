// Checks a failed record as one types: asks the server, which knows the rules, when typing rests.
// Without this file the same is said when the record is saved.
(() => {
  "use strict";
  const REST = 500;
  const form = document.querySelector("form[data-check]");
  const said = document.getElementById("check");
  if (!form || !said) return;
  let waiting = 0;
  let asked = 0;

  const line = (fault) => {
    const item = document.createElement("li");
    const place = fault.line ? `Line ${fault.line}, sign ${fault.column}: ` : "";
    const field = fault.path ? `${fault.path}: ` : "";
    item.textContent = place + field + fault.sentence;
    return item;
  };

  const show = (faults) => {
    if (!faults.length) {
      said.textContent = "Nothing is wrong with it, as far as the rules say.";
      return;
    }
    const list = document.createElement("ul");
    list.className = "fault";
    list.append(...faults.slice(0, 20).map(line));
    said.replaceChildren(list);
  };

  const ask = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(form.dataset.check, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const { faults } = await answer.json();
      if (mine === asked) show(faults);
    } catch {
      if (mine === asked) said.textContent = "It could not be checked just now; saving checks it.";
    }
  };

  form.addEventListener("input", (event) => {
    if (event.target.name !== "document") return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, REST);
  });
})();
