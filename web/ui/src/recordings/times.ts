// Between the time of the medium (seconds from a window's start, gaps left out) and time of day, by the program
// date-times of the window's fragments. Pure; fragments are in order.

export interface Piece {
  /** Seconds of the medium. */
  start: number;
  duration: number;
  /** Capture time of its start, ms since 1970. */
  programDateTime: number | null;
}

// Half a millisecond into the frame, so that rounding never gives the one before.
const INTO_FRAME_S = 0.0005;

const holds = (piece: Piece, ms: number): boolean =>
  piece.programDateTime !== null && piece.programDateTime <= ms && ms < piece.programDateTime + piece.duration * 1000;

/** Time of the medium for an instant: in its fragment, or the start of the next one when it lies in a gap. */
export function mediaTime(pieces: readonly Piece[], ms: number): number | null {
  for (const piece of pieces) {
    const begins = piece.programDateTime;
    if (begins === null) continue;
    if (ms < begins + piece.duration * 1000) return piece.start + Math.max(0, (ms - begins) / 1000) + INTO_FRAME_S;
  }
  return null;
}

/** The instant of a time of the medium. */
export function epoch(pieces: readonly Piece[], seconds: number): number | null {
  let found: number | null = null;
  for (const piece of pieces) {
    if (piece.programDateTime === null) continue;
    if (piece.start > seconds + 0.001 && found !== null) break;
    found = piece.programDateTime + (seconds - piece.start) * 1000;
  }
  return found;
}

/** There is footage of this very instant. */
export function has(pieces: readonly Piece[], ms: number): boolean {
  return pieces.some((piece) => holds(piece, ms));
}

/** End of the last footage, or null when there is none. */
export function end(pieces: readonly Piece[]): number | null {
  const last = pieces.at(-1);
  return last?.programDateTime == null ? null : last.programDateTime + last.duration * 1000;
}
