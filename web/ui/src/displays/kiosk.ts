// What makes a browser a screen: awake, without cursor, on the whole of the monitor.

/** Keep the monitor on while the page is seen; gives the function that stops it. Needs a secure context. */
export function stayAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let over = false;
  const take = async (): Promise<void> => {
    if (over || document.hidden || !("wakeLock" in navigator)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
    } catch {
      // Refused (battery, policy): the machine's own settings decide then, see docs/admin.md.
    }
  };
  const again = (): void => void take();
  document.addEventListener("visibilitychange", again);
  again();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", again);
    void lock?.release();
  };
}

/** The page has the whole monitor already: kiosk mode, or full screen. */
export const isWhole = (): boolean => document.fullscreenElement !== null || matchMedia("(display-mode: fullscreen)").matches || (innerWidth >= screen.width && innerHeight >= screen.height);

export function takeWhole(): void {
  if (!isWhole()) document.documentElement.requestFullscreen({ navigationUI: "hide" }).catch(() => undefined);
}
