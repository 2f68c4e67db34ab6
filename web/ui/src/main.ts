// The page's entry: styles, the first questions to the server (before anything is drawn), then the application.
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { catalogue } from "./catalogue/catalogue.svelte";
import { locale } from "./shell/locale.svelte";
import { router } from "./shell/router.svelte";
import { session } from "./shell/session.svelte";
import { parseAddress } from "./wall/address";
import { firstOffer, poolFor } from "./wall/offer";

document.documentElement.lang = locale.current;
if (router.path === "/") router.go("/wall", { replace: true });

const target = document.getElementById("app");
// A screen of a wall is no person: it asks for nothing but what it is to show.
const isScreen = router.path === "/display";

// Failures show themselves: nobody signed in leads to sign-in, a server that is away to the banner.
if (!isScreen)
  session
    .read()
    .then(() => (session.person && !session.person.must_change ? catalogue.load() : undefined))
    .catch(() => undefined);
if (router.path === "/wall") firstOffer.prepare(poolFor(parseAddress(router.query).layout?.tiles.length ?? 0));

if (target && isScreen) {
  firstOffer.prepare(poolFor(0));
  void import("./displays/Screen.svelte").then(({ default: Screen }) => mount(Screen, { target }));
} else if (target) mount(App, { target });
