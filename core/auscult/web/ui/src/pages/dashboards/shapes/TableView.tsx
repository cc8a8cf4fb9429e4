// Rows and columns; a click on a column's title sorts.
import { useState } from "preact/hooks";
import type { Cell, Column, Table } from "../../../api/dashboards";
import type { Severity, Status } from "../../../api/types";
import { onAxis } from "../../../format/numbers";
import { ComponentLink } from "../../../parts/Link";
import { Moment } from "../../../parts/Moment";
import { SeverityTag, State } from "../../../parts/Sign";
import { Empty } from "../../../parts/states";
import { BADNESS, SEVERITIES } from "../../../words";

const LONG = 26;

interface Order {
  column: number;
  down: boolean;
}

/** What a cell is sorted by: states and severities by how bad they are. */
function rank(column: Column, cell: Cell): number | string {
  if (column.kind === "status") return BADNESS[cell as Status] ?? 1;
  if (column.kind === "severity") return -SEVERITIES.indexOf(cell as Severity);
  return typeof cell === "number" || typeof cell === "string" ? cell : Number(cell ?? Number.NEGATIVE_INFINITY);
}

export function TableView({ table, label }: { table: Table; label: string }) {
  const [order, setOrder] = useState<Order | null>(null);
  if (table.rows.length === 0) return <Empty title="Nothing to list." />;
  const rows = sorted(table, order);
  const wide = table.columns.map(
    (column, n) => column.kind === "text" && table.rows.some((row) => String(row[n] ?? "").length > LONG),
  );
  const sortBy = (column: number) =>
    setOrder(order?.column === column ? (order.down ? { column, down: false } : null) : { column, down: true });
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={`${label}, scrollable`}>
      <table class="table">
        <thead>
          <tr>
            {table.columns.map((column, n) => (
              <th
                key={column.name}
                scope="col"
                class={column.kind === "number" ? "number" : ""}
                aria-sort={order?.column === n ? (order.down ? "descending" : "ascending") : "none"}
              >
                <button type="button" class="sort" onClick={() => sortBy(n)}>
                  {column.title || column.name}
                  <span aria-hidden="true">{order?.column === n ? (order.down ? " ↓" : " ↑") : ""}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, n) => (
            <tr key={n}>
              {table.columns.map((column, m) => (
                <td key={column.name} class={column.kind === "number" ? "number nowrap" : wide[m] ? "wrap" : "short"}>
                  <CellView column={column} cell={row[m] ?? null} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function sorted(table: Table, order: Order | null): Cell[][] {
  const column = order ? table.columns[order.column] : undefined;
  if (!order || !column) return table.rows;
  const sign = order.down ? -1 : 1;
  return [...table.rows].sort((a, b) => {
    const left = rank(column, a[order.column] ?? null);
    const right = rank(column, b[order.column] ?? null);
    if (typeof left === "string" || typeof right === "string") return sign * String(left).localeCompare(String(right));
    return sign * (left - right);
  });
}

function CellView({ column, cell }: { column: Column; cell: Cell }) {
  if (cell === null || cell === "") return <span class="soft">–</span>;
  switch (column.kind) {
    case "number":
      return <>{typeof cell === "number" ? onAxis(cell, column.unit) : String(cell)}</>;
    case "status":
      return <State status={cell as Status} />;
    case "severity":
      return <SeverityTag severity={cell as Severity} />;
    case "time":
      return <Moment at={Number(cell)} />;
    case "component":
      return <ComponentLink name={String(cell)} />;
    case "bool":
      return <>{cell ? "yes" : "no"}</>;
    default:
      return <>{String(cell)}</>;
  }
}
