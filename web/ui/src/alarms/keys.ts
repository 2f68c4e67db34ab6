// Keys of alarms on the wall: l the drawer, a takes the top one on, Shift+A raises one. Pure.
export interface AlarmActs {
  drawer(): void;
  take(): void;
  raise(): void;
}

/** True when the key was ours. */
export function alarmKey(key: string, shift: boolean, acts: AlarmActs): boolean {
  const name = key.toLowerCase();
  if (name === "l") acts.drawer();
  else if (name === "a") (shift ? acts.raise : acts.take)();
  else return false;
  return true;
}
