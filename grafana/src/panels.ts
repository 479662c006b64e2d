import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The data source that the viewer picks; provisioning makes one. */
export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` };

export const UNIT = {
  seconds: 's',
  bytes: 'bytes',
  bytesPerSecond: 'Bps',
  ratio: 'percentunit',
  perSecond: 'suffix: /s',
  count: 'short',
} as const;

export interface Query {
  readonly expr: string;
  /** Prometheus's labels as `{{label}}`. */
  readonly legend: string;
}

/** From which value on which colour; green below the first. */
export type Steps = readonly (readonly [from: number, colour: 'orange' | 'red' | 'green'])[];

interface Panel {
  readonly title: string;
  /** What it shows, and what to think when it is not as usual. */
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of 24 columns. */
  readonly span: number;
}

export interface Graph extends Panel {
  readonly steps?: Steps;
  /** Bars on top of each other, for parts of a whole. */
  readonly stacked?: boolean;
  readonly max?: number;
  readonly decimals?: number;
}

export function graph(panel: Graph): TimeseriesBuilder {
  const { stacked = false, steps } = panel;
  const builder = new TimeseriesBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(DATASOURCE)
    .unit(panel.unit)
    .min(0)
    .span(panel.span)
    .height(8)
    .lineWidth(stacked ? 0 : 1.5)
    .fillOpacity(stacked ? 70 : 8)
    .drawStyle(stacked ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .showPoints(VisibilityMode.Never)
    .spanNulls(false)
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    )
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .thresholds(thresholds(steps ?? []))
    .targets(panel.queries.map((query, index) => target(query, index)));
  if (stacked) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (panel.max !== undefined) builder.max(panel.max);
  if (panel.decimals !== undefined) builder.decimals(panel.decimals);
  if (steps !== undefined) {
    const style = new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed);
    builder.thresholdsStyle(style);
  }
  return builder;
}

export interface Stat extends Panel {
  readonly steps: Steps;
  readonly decimals?: number;
  readonly noValue?: string;
  readonly height?: number;
}

/** One number, coloured by its thresholds. */
export function stat(panel: Stat): StatBuilder {
  const builder = new StatBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(DATASOURCE)
    .unit(panel.unit)
    .span(panel.span)
    .height(panel.height ?? 4)
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(thresholds(panel.steps))
    .targets(panel.queries.map((query, index) => target(query, index)));
  if (panel.decimals !== undefined) builder.decimals(panel.decimals);
  if (panel.noValue !== undefined) builder.noValue(panel.noValue);
  return builder;
}

export interface Table extends Panel {
  readonly noValue: string;
  readonly height?: number;
  /** The column by which rows stand in order at first. */
  readonly sortBy?: string;
  /** Columns that tell nothing. */
  readonly without?: readonly string[];
}

/** A row for each label set, over the time that is shown. */
export function table(panel: Table): TableBuilder {
  const hidden = ['Time', ...(panel.without ?? [])].map((column) => [column, true]);
  const builder = new TableBuilder()
    .title(panel.title)
    .description(panel.description)
    .datasource(DATASOURCE)
    .unit(panel.unit)
    .decimals(0)
    .noValue(panel.noValue)
    .span(panel.span)
    .height(panel.height ?? 8)
    .thresholds(thresholds([]))
    .targets(panel.queries.map((query, index) => tableTarget(query, index)))
    .withTransformation({
      id: 'organize',
      options: { excludeByName: Object.fromEntries(hidden) },
    });
  const order = new TableSortByFieldStateBuilder();
  if (panel.sortBy !== undefined) builder.sortBy([order.displayName(panel.sortBy)]);
  return builder;
}

function target(query: Query, index: number): DataqueryBuilder {
  return base(query, index).range();
}

function tableTarget(query: Query, index: number): DataqueryBuilder {
  return base(query, index).instant().format(PromQueryFormat.Table);
}

function base({ expr, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(DATASOURCE)
    .expr(expr)
    .legendFormat(legend);
}

function thresholds(steps: Steps): ThresholdsConfigBuilder {
  const all: Threshold[] = [
    { value: null, color: 'green' },
    ...steps.map(([value, color]) => ({ value, color })),
  ];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(all);
}
