/** What went to a registry, or came from one. */
export interface Transfer {
  readonly bytes: number;
  readonly seconds: number;
}
