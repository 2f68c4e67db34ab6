// What is open around the pictures of the wall: drawers, the map, sheets, an editor. Keys and buttons open and close them;
// while one is open the bar stays. Knows nothing of what is in them.

export type LeftTab = "cameras" | "views";
export type Sheet = "push" | "tours" | "pad";

export class Panels {
  /** The left drawer, by what is in front of it. */
  drawer = $state<LeftTab | null>(null);
  map = $state(false);
  /** The editor of a layout. */
  drawing = $state(false);
  events = $state(false);
  alarms = $state(false);
  /** The dialog by which an alarm is raised. */
  raising = $state(false);
  help = $state(false);
  /** A menu of the bar. */
  menu = $state(false);
  sheet = $state<Sheet | null>(null);

  /** Whether something is open beside which the bar stays. */
  get any(): boolean {
    return this.drawer !== null || this.map || this.drawing || this.events || this.alarms || this.raising || this.help || this.menu;
  }

  /** Whether pictures give room to something at their side. */
  get docked(): boolean {
    return this.drawer !== null || this.map || this.events;
  }

  /** Open the left drawer with this in front; close it where it is in front already. */
  toggle(tab: LeftTab): void {
    this.drawer = this.drawer === tab ? null : tab;
  }

  /** What lies over the pictures: Esc closes it before anything at a tile ends. True when there was something. */
  closeOver(): boolean {
    if (this.help) this.help = false;
    else if (this.drawing) this.drawing = false;
    else return false;
    return true;
  }

  /** What lies beside them, one after the other. True when there was something. */
  closeBeside(): boolean {
    if (this.events) this.events = false;
    else if (this.alarms) this.alarms = false;
    else if (this.drawer !== null) this.drawer = null;
    else if (this.map) this.map = false;
    else return false;
    return true;
  }
}
