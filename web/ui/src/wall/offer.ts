// One PeerConnection with all receive-only videos of a wall and one sound behind them, and its offer. The first is made while the page still asks
// who is signed in: making it costs tens of ms that the first picture need not wait for.
import { TILES_MAX } from "../views/layout";

export const TILES = TILES_MAX;
const POOL = 16;

/** How many videos a session has for a layout of so many tiles: a few, or as many as there may ever be. */
export const poolFor = (tiles: number): number => (tiles <= POOL ? POOL : TILES);

export interface Offer {
  peer: RTCPeerConnection;
  sdp: string;
}

/** WebRTC with H.264 is there at all. */
export function webrtcPossible(): boolean {
  return typeof RTCPeerConnection === "function" && typeof RTCRtpTransceiver === "function";
}

const isPlain = (codec: RTCRtpCodec): boolean =>
  /h264/i.test(codec.mimeType) && /packetization-mode=1/.test(codec.sdpFmtpLine ?? "") && /profile-level-id=42e0/i.test(codec.sdpFmtpLine ?? "");

function codecs(): RTCRtpCodec[] {
  const known = RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? [];
  // Cameras send H.264 and H.265, never VP8 or AV1: a third of the SDP, and nothing to pick wrongly.
  const wanted = known.filter((codec) => /^video\/(h264|h265|rtx)$/i.test(codec.mimeType));
  // The server takes packetization mode 1 and the simplest profile; each format more is 64 times as much text.
  const plain = wanted.some(isPlain);
  return wanted.filter((codec) => !plain || !/h264/i.test(codec.mimeType) || isPlain(codec));
}

/** Both laws of G.711, which the server sends; null where the browser does not say what it has. */
function g711(): RTCRtpCodec[] | null {
  const known = RTCRtpReceiver.getCapabilities?.("audio")?.codecs;
  return known ? known.filter((codec) => /^audio\/pcm[au]$/i.test(codec.mimeType)) : null;
}

/** m-line i is tile i. Candidates are not waited for: the server finds the page by its own checks (peer-reflexive). */
export async function makeOffer(tiles: number): Promise<Offer> {
  const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const wanted = codecs();
  for (let tile = 0; tile < tiles; tile++) {
    const transceiver = peer.addTransceiver("video", { direction: "recvonly" });
    if (wanted.some((codec) => /h264/i.test(codec.mimeType))) transceiver.setCodecPreferences(wanted);
    // Show a picture when it is here; the network between server and wall is the building's own.
    if ("jitterBufferTarget" in transceiver.receiver) transceiver.receiver.jitterBufferTarget = 0;
  }
  const laws = g711();
  if (!laws || laws.length > 1) {
    const sound = peer.addTransceiver("audio", { direction: "recvonly" });
    if (laws) sound.setCodecPreferences(laws);
  }
  await peer.setLocalDescription();
  return { peer, sdp: peer.localDescription?.sdp ?? "" };
}

class FirstOffer {
  #made: { pool: number; offer: Promise<Offer> } | null = null;

  prepare(pool: number): void {
    if (webrtcPossible()) this.#made ??= { pool, offer: makeOffer(pool) };
  }

  /** The prepared offer, once; afterwards a new one each time. */
  take(pool: number): Promise<Offer> {
    const made = this.#made;
    this.#made = null;
    if (made?.pool === pool) return made.offer;
    void made?.offer.then((offer) => offer.peer.close());
    return makeOffer(pool);
  }
}

export const firstOffer = new FirstOffer();
