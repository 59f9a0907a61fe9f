// Takes the token out of the address, where it would stay in the history, and posts it.

import { keepZone } from "./zone.js";

keepZone();
document.documentElement.classList.add("scripts");
const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.querySelector(".sign-in");
  form.elements.token.value = token;
  form.requestSubmit();
}
