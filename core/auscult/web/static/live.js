// Fetches the live part every few seconds, and tells the truth about its age when the server is gone.
"use strict";
const live = document.getElementById("live");
const age = document.getElementById("age");
let updated = Date.now();

function tellAge() {
  const seconds = Math.round((Date.now() - updated) / 1000);
  const lost = seconds > 15;
  age.textContent = lost ? `no answer for ${seconds} s: what you see is old` : `updated ${seconds} s ago`;
  age.classList.toggle("lost", lost);
}

async function refresh() {
  if (document.hidden) return;
  try {
    const reply = await fetch("fragment", { credentials: "same-origin" });
    if (!reply.ok) return;
    live.innerHTML = await reply.text(); // the server escapes everything that comes from outside
    updated = Date.now();
  } catch {
    // the age says so
  }
}

setInterval(refresh, 3000);
setInterval(tellAge, 1000);
document.addEventListener("visibilitychange", refresh);
