// What to do where nothing but the machine, or nothing at all, is monitored yet.
import { Card } from "../../parts/Card";

export function FirstSteps() {
  return (
    <Card title="Monitor your own components">
      <p>
        So far auscult knows little more than this machine. <code>auscult init</code> writes what it finds in your
        environment into a file; a component needs three lines there:
      </p>
      <pre class="code">{'[components.redis]\ncheck = "redis"\nurl = "redis://127.0.0.1:6379/0"'}</pre>
    </Card>
  );
}
