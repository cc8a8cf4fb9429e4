// Dashboards: all of them, one, or one that is being changed.
import { route } from "../../state/route";
import { Edit } from "./Edit";
import { List } from "./List";
import { View } from "./View";

export function DashboardsPage() {
  const [, ident, what] = route.value.segments;
  if (!ident) return <List />;
  if (what === "edit") return <Edit key={ident} ident={ident} />;
  return <View key={ident} ident={ident} />;
}
