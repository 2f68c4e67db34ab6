// Roles, rights and grants in words.
import { catalogue } from "../catalogue/catalogue.svelte";
import { m } from "../shell/messages";
import type { CameraRight, Grant, Role } from "./person";
import { dayOfUntil, hasEnded } from "./person";

export function roleWord(role: Role): string {
  switch (role) {
    case "viewer":
      return m.role_viewer();
    case "operator":
      return m.role_operator();
    case "investigator":
      return m.role_investigator();
    case "admin":
      return m.role_admin();
    case "auditor":
      return m.role_auditor();
  }
}

export function roleMeaning(role: Role): string {
  switch (role) {
    case "viewer":
      return m.role_viewer_means();
    case "operator":
      return m.role_operator_means();
    case "investigator":
      return m.role_investigator_means();
    case "admin":
      return m.role_admin_means();
    case "auditor":
      return m.role_auditor_means();
  }
}

export function rightWord(right: CameraRight): string {
  switch (right) {
    case "live":
      return m.right_live();
    case "replay":
      return m.right_replay();
    case "export":
      return m.right_export();
    case "ptz":
      return m.right_ptz();
    case "audio":
      return m.right_audio();
  }
}

export function siteWord(site: string | null): string {
  if (site === null) return m.grant_everything();
  return catalogue.sites.find((one) => one.id === site)?.name ?? m.rule_gone();
}

export function grantWords(grant: Grant, now: number): string {
  const said = m.grant_words({ role: roleWord(grant.role), site: siteWord(grant.site) });
  if (grant.until === null) return said;
  return hasEnded(grant, now) ? m.grant_ended({ grant: said }) : m.grant_until({ grant: said, day: dayOfUntil(grant.until) });
}
