// The REST API, asked with the token of this tab. The token goes into no address and no cookie.

import { word } from "./words.js";

const PREFIX = "api/v1";

export const token = {
  get: () => sessionStorage.getItem("token"),
  set: (text) => sessionStorage.setItem("token", text),
  forget: () => sessionStorage.removeItem("token"),
};

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export async function ask(path, { method = "GET", body, raw = false } = {}) {
  const headers = { Authorization: `Bearer ${token.get()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`${PREFIX}/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, word("failed"));
  }
  if (answer.ok) return raw ? answer.blob() : answer.json();
  if (answer.status === 401) throw new ApiError(401, word("unknown_token"));
  if (answer.status === 403) throw new ApiError(403, word("denied"));
  const said = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, said.error ?? word("failed"));
}

export const query = (values) => new URLSearchParams(values).toString();
