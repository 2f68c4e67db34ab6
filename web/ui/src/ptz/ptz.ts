// What the server says about steering a camera, and the arithmetic of a hand on a picture. Pure.
import type { Said } from "../api/types";

export interface OnvifFound extends Said {
  ok: boolean;
  message: string;
  hint: string;
  profiles: string[];
  ptz: boolean;
  presets: string[];
}
