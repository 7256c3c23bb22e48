import {
  LogCorruptError,
  type LogReport,
  type ScanOptions,
  verifyLog,
  verifyOutbox,
} from '../../log/index.ts';
import { auditVerdict } from './audited.ts';
import { verifyHistory } from './verify-history.ts';

/** A report of what was checked, and whether it is sound. */
export async function verifyLines(
  options: ScanOptions,
): Promise<{ lines: string[]; sound: boolean }> {
  const report = await verifyLog(options);
  if (report.problem !== null) return { lines: [...totals(report), verdict(report)], sound: false };
  const outbox = await verifyOutbox(options);
  const found = [...totals(report), ...outboxTotals(outbox)];
  if (outbox !== null && outbox.problem !== null) {
    return { lines: [...found, verdict(outbox)], sound: false };
  }
  const { lines, broken } = await verifyHistory(options);
  const audit = await auditVerdict(options);
  const reason = broken ?? audit.broken;
  const verdictLine = reason === null ? verdict(report) : `broken: ${reason}`;
  return { lines: [...found, ...lines, ...audit.lines, verdictLine], sound: reason === null };
}

function outboxTotals(report: LogReport | null): string[] {
  if (report === null) return [];
  const { segments, records, bytes, tornBytes } = report;
  const torn = tornBytes > 0 ? `, unfinished batch at the end: ${tornBytes} bytes` : '';
  return [`outbox: ${segments} segments, ${records} records, ${bytes} bytes${torn}`];
}

function totals(report: LogReport): string[] {
  const entries = report.lastIndex === 0 ? 'none' : `${report.firstIndex} to ${report.lastIndex}`;
  const torn =
    report.tornBytes > 0 ? [`unfinished batch at the end: ${report.tornBytes} bytes`] : [];
  return [
    `cluster ${report.clusterId}, member ${report.memberId}`,
    `${report.segments} segments, ${report.records} records, ${report.bytes} bytes, entries ${entries}`,
    ...report.snapshots.map((s) => `${s.file}: index ${s.index}, term ${s.term}, ${s.bytes} bytes`),
    ...torn,
  ];
}

function verdict({ problem }: LogReport): string {
  if (problem === null) return 'sound: every checksum holds';
  // The words that a node refuses it with.
  return new LogCorruptError(problem).message;
}
