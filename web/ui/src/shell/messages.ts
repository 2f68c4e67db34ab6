// The typed messages, bound to the language of the page. Reading one in a template follows the language as it changes.
import { overwriteGetLocale } from "../lib/paraglide/runtime.js";
import { locale } from "./locale.svelte";

overwriteGetLocale(() => locale.current);

export { m } from "../lib/paraglide/messages.js";
