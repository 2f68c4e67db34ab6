// The rules as the server has them, kept fresh while they are looked at; removing one can be taken back.
import { call } from "../api/client";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import type { BrokenRule, Rule, RuleBody, Rules } from "./alarm";

export const FRESH: RuleBody = {
  name: "",
  enabled: true,
  kinds: [],
  sites: [],
  cameras: [],
  areas: [],
  schedule: { days: [0, 1, 2, 3, 4, 5, 6], from_min: 0, to_min: 1440 },
  min_duration_s: 0,
  priority: 2,
  sound: true,
  alarm_tile: true,
  displays: [],
  display_s: 0,
  cooldown_s: 300,
};

const plain = ({ id: _id, rev: _rev, ...body }: Rule): RuleBody => body;

class RuleBook {
  items = $state.raw<Rule[]>([]);
  kinds = $state.raw<string[]>([]);
  /** What cannot be read and raises nothing. */
  broken = $state.raw<BrokenRule[]>([]);
  loaded = $state(false);
  problem = $state("");

  watch(): () => void {
    void this.read();
    return news.on("rules", () => void this.read());
  }

  async read(): Promise<void> {
    try {
      const found = await call<Rules>("GET", "/api/rules");
      this.items = found.items;
      this.kinds = found.kinds;
      this.broken = found.broken;
      this.loaded = true;
      this.problem = "";
    } catch (error) {
      this.problem = words(error);
    }
  }

  /** Keep a new one, or what became of one. Throws what the server refuses. */
  async save(before: Rule | null, body: RuleBody): Promise<Rule> {
    const saved = before
      ? await call<Rule>("PATCH", `/api/rules/${before.id}`, { body: { ...body, rev: before.rev } })
      : await call<Rule>("POST", "/api/rules", { body });
    await this.read();
    return saved;
  }

  async enable(rule: Rule, enabled: boolean): Promise<void> {
    try {
      await call("PATCH", `/api/rules/${rule.id}`, { body: { enabled, rev: rule.rev } });
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
    }
    await this.read();
  }

  /** Nothing of it could be brought back. */
  async removeBroken(rule: BrokenRule): Promise<void> {
    try {
      await call("DELETE", `/api/rules/${rule.id}?rev=${rule.rev}`);
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
    }
    await this.read();
  }

  async remove(rule: Rule): Promise<boolean> {
    try {
      await call("DELETE", `/api/rules/${rule.id}?rev=${rule.rev}`);
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
      return false;
    }
    const back = async (): Promise<void> => {
      try {
        await this.save(null, plain(rule));
      } catch (error) {
        toasts.say(words(error), { kind: "bad" });
      }
    };
    toasts.say(m.rule_removed({ rule: rule.name }), { ms: 8000, action: { label: m.undo(), run: () => void back() } });
    await this.read();
    return true;
  }
}

export const rules = new RuleBook();
