/**
 * The header of a login by name and password.
 *
 * @param username - without a colon
 * @param password - of the user
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export function basic(username: string, password: string): string {
  return `Basic ${encoded(username, password)}`;
}

/** Name and password as the header has them, and `auth` of a docker configuration. */
export function encoded(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}
