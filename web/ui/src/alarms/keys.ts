// Keys of alarms on the wall: l the drawer, Shift+L the tile they come onto, a takes the top one on, o shows its camera,
// Shift+A raises one. Pure.
export interface AlarmActs {
  drawer(): void;
  mark(): void;
  show(): void;
  take(): void;
  raise(): void;
}

/** True when the key was ours. A key that is held down acts once: each alarm is taken on by a press of its own. */
export function alarmKey(key: string, shift: boolean, held: boolean, acts: AlarmActs): boolean {
  const name = key.toLowerCase();
  if (held) return ["l", "o", "a"].includes(name);
  if (name === "l") (shift ? acts.mark : acts.drawer)();
  else if (name === "o" && !shift) acts.show();
  else if (name === "a") (shift ? acts.raise : acts.take)();
  else return false;
  return true;
}
