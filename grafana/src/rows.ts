import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import type {
  DashboardBuilder,
  Panel,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';

type Row = readonly [row: RowBuilder, panels: readonly Builder<Panel>[]];

/** Rows of panels, one below the other. */
export function withRows(dashboard: DashboardBuilder, rows: readonly Row[]): DashboardBuilder {
  for (const [row, panels] of rows) {
    dashboard.withRow(row);
    for (const panel of panels) dashboard.withPanel(panel);
  }
  return dashboard;
}
