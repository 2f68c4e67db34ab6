// The page's entry: styles, the first questions to the server (at once, beside each other), then the application.
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { catalogue } from "./catalogue/catalogue.svelte";
import { locale } from "./shell/locale.svelte";
import { router } from "./shell/router.svelte";
import { session } from "./shell/session.svelte";
import { firstOffer } from "./wall/offer";

document.documentElement.lang = locale.current;
if (router.path === "/") router.go("/wall", { replace: true });

if (router.path === "/signin" && !session.likely()) {
  session.known = true;
} else {
  // Failures show themselves: nobody signed in leads to sign-in, a server that is away to the banner.
  const signedIn = session.read().catch(() => false);
  const wanted = router.path !== "/signin";
  // Where nobody signed in before, the rest waits for the answer; else all goes out at once.
  if (wanted && session.likely()) catalogue.load().catch(() => undefined);
  else if (wanted) void signedIn.then((yes) => (yes ? catalogue.load() : undefined)).catch(() => undefined);
  if (router.path === "/wall") firstOffer.prepare();
}

const target = document.getElementById("app");
if (target) mount(App, { target });
