import type { Scope } from '../scope.js';

/**
 * Keeps Postgres from reading a value anew wherever the step around names it. In quotes, because a number is cast first, and
 * what is not yet a constant costs the parallel plan.
 */
export const fence = "OFFSET '0'";

/**
 * The values that a report looks at, each read once a person by the innermost step of the statement. What is told from
 * them stands one step further out and names them by their columns there.
 */
export class Looks {
  readonly user: Scope;
  readonly #company: Scope;
  readonly #columns = new Map<string, string>();
  readonly #joins: string[] = [];
  #hasCompany = false;

  constructor(user: Scope, company: Scope) {
    this.user = user;
    this.#company = company;
  }

  /** The name by which the next step finds the expression's value. */
  at(expression: string): string {
    const name = this.#columns.get(expression) ?? `v${this.#columns.size}`;
    this.#columns.set(expression, name);
    return name;
  }

  /** The row of the user, or of the user's company: all NULL where there is none. */
  rowOf(entity: string): Scope {
    if (entity !== 'company') return this.user;
    const { row: u } = this.user;
    const { row: c } = this.#company;
    if (!this.#hasCompany)
      this.#joins.push(
        `LEFT JOIN companies ${c} ON ${c}.workspace_id = ${u}.workspace_id AND ${c}.company_id = ${u}.company_id`,
      );
    this.#hasCompany = true;
    return this.#company;
  }

  /** Joins a row a person, found by `end_user_id`, and answers its alias. */
  joinPerPerson(rows: string): string {
    const alias = `j${this.#joins.length}`;
    this.#joins.push(`LEFT JOIN (${rows}) ${alias} ON ${alias}.end_user_id = ${this.user.row}.id`);
    return alias;
  }

  /** The innermost step: a row a person of the workspace. `end` closes it, as with an order and a limit. */
  text(workspace: string, end = fence): string {
    const { row } = this.user;
    const columns = [`${row}.id`, ...Array.from(this.#columns, ([text, name]) => `${text} AS ${name}`)];
    const from = [`end_users ${row}`, ...this.#joins].join(' ');
    return `SELECT ${columns.join(', ')} FROM ${from} WHERE ${row}.workspace_id = ${workspace} ${end}`;
  }
}
