// Logs in where the page is not built: posts the form as JSON, and goes to the page.
"use strict";
const form = document.getElementById("login");
const words = document.getElementById("words");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  words.textContent = "";
  const body = JSON.stringify({ name: form.elements.name.value, password: form.elements.password.value });
  try {
    const reply = await fetch("api/v1/login", {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body,
    });
    if (reply.ok) location.assign(form.dataset.root || "/");
    else words.textContent = (await reply.json()).detail;
  } catch {
    words.textContent = "The server does not answer.";
  }
});
