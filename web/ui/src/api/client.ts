// One way to the HTTP API: JSON in and out, CSRF token, RFC 9457 errors as ApiError, a lost network as Unreachable.
// It does not retry; whoever calls knows whether that is right. Runs in the page's only thread.
import { reach } from "../shell/reach.svelte";
import type { Said } from "./types";

/** What the server refused, from its problem details (RFC 9457). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
    readonly field: string,
    readonly retryAfterS: number | null,
    readonly said: Said = {},
  ) {
    super(message);
  }
}

/** No answer at all: the network or the server is away. */
export class Unreachable extends Error {}

let csrf = "";
let onSignedOut: () => void = () => undefined;

export function useCsrf(token: string): void {
  csrf = token;
}

export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

interface Options {
  body?: unknown;
  /** In place of `body`: a file as it is, with its media type. */
  file?: { data: Blob; type: string };
  signal?: AbortSignal;
  timeoutMs?: number;
  keepalive?: boolean;
  /** These bytes alone: offset and how many. */
  range?: readonly [number, number];
  /** 401 is an answer and not the end of the session. */
  anonymous?: boolean;
}

const GATEWAY_AWAY = new Set([502, 503, 504]);

async function problem(response: Response): Promise<ApiError> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // A proxy's HTML page, or nothing: the status alone has to do.
  }
  const text = (key: string): string => (typeof body[key] === "string" ? (body[key] as string) : "");
  const errors = Array.isArray(body.errors) ? (body.errors as Record<string, unknown>[]) : [];
  const first = errors[0];
  const field = text("field") || (first && typeof first.field === "string" ? first.field : "");
  const retry = Number(response.headers.get("Retry-After") ?? "");
  return new ApiError(
    response.status,
    text("code") || `http_${response.status}`,
    text("detail") || text("title") || response.statusText,
    text("hint"),
    field,
    Number.isFinite(retry) && retry > 0 ? retry : null,
    body as Said,
  );
}

/** Fetch and give the Response when it is 2xx; throws ApiError or Unreachable. Nothing is asked while nobody answers: it
 * would wait on a connection that finds the line long after it is back, and hold up what is asked then. */
export async function send(method: string, path: string, options: Options = {}): Promise<Response> {
  if (!reach.online) throw new Unreachable(path);
  const headers: Record<string, string> = { Accept: "application/json" };
  if (options.file) headers["Content-Type"] = options.file.type;
  else if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.range) headers.Range = `bytes=${options.range[0]}-${options.range[0] + options.range[1] - 1}`;
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  const limit = AbortSignal.timeout(options.timeoutMs ?? 15_000);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: options.file?.data ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      credentials: "same-origin",
      cache: "no-store",
      signal: options.signal ? AbortSignal.any([limit, options.signal]) : limit,
      keepalive: options.keepalive ?? false,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    // No answer in time may be this question's own fault (a picture of a camera behind a cut line): then others are answered.
    if (limit.aborted) void reach.check();
    else reach.lost();
    throw new Unreachable(path);
  }
  if (response.ok) {
    reach.found();
    return response;
  }
  const failure = await problem(response);
  if (GATEWAY_AWAY.has(response.status) && failure.code.startsWith("http_")) {
    reach.lost();
    throw new Unreachable(path);
  }
  if (response.status === 401 && !options.anonymous) onSignedOut();
  throw failure;
}

/** Fetch JSON; 204 gives undefined. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await send(method, path, options);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}
