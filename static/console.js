// What live parts need beyond htmx: rest while the page is hidden or switched off, say so when
// the connection is lost, speak on milestones only. Everything works without this file too.
(() => {
  "use strict";
  const OFF = "live-updates-off";
  const root = () => document.getElementById("live");
  const state = document.getElementById("live-state");
  const news = document.getElementById("live-news");
  const switcher = document.getElementById("live-switch");
  let seenAt = new Date();
  let lastNews = root()?.dataset.news;

  const stored = () => {
    try { return localStorage.getItem(OFF) === "1"; } catch { return false; }
  };
  let off = stored();

  const clock = (moment) =>
    moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

  // The page's live part, and what it says of fetches of past data.
  const parts = () => [root(), document.getElementById("past-banners")].filter(Boolean);
  const lookAgain = () => {
    for (const part of parts()) part.dispatchEvent(new CustomEvent("console:now"));
  };

  const fresh = () => {
    seenAt = new Date();
    state.hidden = !off;
    state.textContent = off ? `Live updates are off. As of ${clock(seenAt)}.` : "";
  };

  const lost = () => {
    if (!state.hidden && state.querySelector("button")) return;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "quiet";
    again.textContent = "Try again";
    again.addEventListener("click", lookAgain);
    state.replaceChildren(`Not updated since ${clock(seenAt)}. `, again);
    state.hidden = false;
    news.textContent = `Not updated since ${clock(seenAt)}.`;
  };

  const showSwitch = () => {
    if (!switcher || !parts().length) return;
    switcher.hidden = false;
    switcher.textContent = off ? "Turn live updates on" : "Turn live updates off";
  };

  switcher?.addEventListener("click", () => {
    off = !off;
    try { localStorage.setItem(OFF, off ? "1" : "0"); } catch { /* only for this page then */ }
    showSwitch();
    fresh();
    if (!off) lookAgain();
  });

  document.addEventListener("htmx:before:request", (event) => {
    if (off || document.visibilityState === "hidden") event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && !off) lookAgain();
  });
  document.addEventListener("htmx:error", lost);
  document.addEventListener("htmx:response:error", lost);
  document.addEventListener("htmx:after:swap", () => {
    fresh();
    const part = root();
    if (!part) return;
    if (part.dataset.title) document.title = part.dataset.title;
    if (part.dataset.news !== lastNews) {
      lastNews = part.dataset.news;
      news.textContent = lastNews;
    }
  });

  // One box that ticks every box of its name on the page; each can be ticked without it.
  for (const all of document.querySelectorAll("[data-tick-all]")) {
    const boxes = [...all.form.querySelectorAll(`input[name="${all.dataset.tickAll}"]`)];
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
    });
    for (const box of boxes) {
      box.addEventListener("change", () => { all.checked = boxes.every((one) => one.checked); });
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied. Select the text instead.";
    }
    news.textContent = button.textContent;
  });
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;

  showSwitch();
  fresh();
})();
