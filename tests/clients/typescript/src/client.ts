// A client of Fangpin, to copy: typed documents, retries that are safe, errors of both kinds.

import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";

/** Why a mutation was not carried out; nothing was written. Decide by `code`, show `message`. */
export interface UserError {
  readonly code: string;
  readonly message: string;
}

/** The server refused: a rule of the field stands against it. Asking again does not help. */
export class Refused extends Error {
  constructor(readonly userErrors: readonly UserError[]) {
    super(userErrors.map((it) => `${it.code} ${it.message}`).join("; "));
  }
}

/** Not signed in, not in scope, over a limit, or broken: `errors[].extensions.code`. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly requestId: string | undefined,
  ) {
    super(`${code} ${message} (request ${requestId ?? "unknown"})`);
  }
}

interface GraphQLError {
  readonly message: string;
  readonly extensions?: {
    readonly code?: string;
    readonly retryable?: boolean;
    readonly requestId?: string;
  };
}

interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly GraphQLError[];
  readonly extensions?: { readonly idempotentReplay?: boolean };
}

const ATTEMPTS_MAX = 5;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;

export interface Settings {
  /** Of messages for people. */
  readonly language?: "zh-CN" | "en";
  readonly fetch?: typeof fetch;
}

export class Client {
  private token: string | undefined;
  /** Whether the last answer was given before: the server had acted on the same idempotency key. */
  replayed = false;

  constructor(
    private readonly url: string,
    private readonly settings: Settings = {},
  ) {}

  /** A session's token or an API key. */
  use(token: string): void {
    this.token = token;
  }

  /**
   * Sends a document. The body is made once: every attempt carries the same idempotency key, so that a
   * mutation whose answer was lost is not done twice, and answers what it would have answered.
   */
  async ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
    const body = JSON.stringify({ query: print(document), variables });
    for (let attempt = 1; ; attempt += 1) {
      const { data, wrong, again, waitMs } = await this.attempt<Data>(body);
      if (data !== undefined) return data;
      if (!again || attempt === ATTEMPTS_MAX) throw wrong;
      const pause = Math.max(waitMs, FIRST_PAUSE_MS * 2 ** (attempt - 1));
      await new Promise((wake) => setTimeout(wake, Math.min(pause, LONGEST_PAUSE_MS)));
    }
  }

  private async attempt<Data>(body: string): Promise<{ data?: Data; wrong?: unknown; again: boolean; waitMs: number }> {
    const headers: Record<string, string> = {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      "accept-language": this.settings.language ?? "zh-CN",
    };
    if (this.token !== undefined) headers["authorization"] = `Bearer ${this.token}`;
    let response: Response;
    let answer: Answer<Data>;
    try {
      response = await (this.settings.fetch ?? fetch)(this.url, { method: "POST", headers, body });
      answer = (await response.json()) as Answer<Data>;
    } catch (lost) {
      // No answer, or half of one: nobody knows whether the server acted, so ask again.
      return { wrong: lost, again: true, waitMs: 0 };
    }
    const first = answer.errors?.[0];
    if (first === undefined && answer.data != null) {
      this.replayed = answer.extensions?.idempotentReplay === true;
      return { data: answer.data, again: false, waitMs: 0 };
    }
    const { code = `HTTP_${response.status}`, retryable = false, requestId } = first?.extensions ?? {};
    return {
      wrong: new ApiError(code, first?.message ?? response.statusText, requestId),
      again: retryable,
      waitMs: Number(response.headers.get("retry-after") ?? "0") * 1000,
    };
  }
}

/** What every mutation of a claim answers. */
interface Payload {
  readonly claim?: { readonly id: string; readonly status: string; readonly version: number } | null;
  readonly userErrors: readonly UserError[];
}

/** A claim as its last answer showed it. */
export class Case {
  constructor(
    readonly id: string,
    public version: number,
    public status: string,
  ) {}

  /** Gives a command: adds the claim, the version that was seen, and a key made for this one wish. */
  async give<Data extends { readonly [mutation: string]: Payload }, Variables extends { readonly input: object }>(
    who: Client,
    document: TypedDocumentNode<Data, Variables>,
    input: Omit<Variables["input"], "claimId" | "expectedVersion" | "idempotencyKey">,
  ): Promise<void> {
    const common = {
      claimId: this.id,
      expectedVersion: this.version,
      idempotencyKey: crypto.randomUUID(),
    };
    const variables = { input: { ...input, ...common } } as unknown as Variables;
    const payload = done(Object.values(await who.ask(document, variables))[0]);
    if (payload.claim == null) throw new Error("an answer without a claim");
    this.version = payload.claim.version;
    this.status = payload.claim.status;
  }
}

/** A payload without userErrors; with some, they are thrown. */
export function done<P extends { readonly userErrors: readonly UserError[] }>(payload: P | undefined): P {
  if (payload === undefined) throw new Error("an empty answer");
  if (payload.userErrors.length > 0) throw new Refused(payload.userErrors);
  return payload;
}
