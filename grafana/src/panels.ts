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
  type DynamicConfigValue,
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
  perSecond: 'suffix:/s',
  count: 'short',
} as const;

/** For panels that show only what there is. */
export const NOTHING = 'nothing in the time shown';

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
  /** How far the axis goes at least: without it that of nothing but zeros ends at 100, or 10,000 %. */
  readonly reach?: number;
  readonly decimals?: number;
  /** What stands there instead of "No data", where nothing is what one hopes to see. */
  readonly noValue?: string;
  /** Series that are as it should be, in green, and such as want somebody, in red. */
  readonly good?: readonly string[];
  readonly bad?: readonly string[];
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
        .calcs(['lastNotNull', 'max'])
        // Few rows fit: those where something happened come first.
        .sortBy('Max')
        .sortDesc(true),
    )
    .thresholds(thresholds(steps ?? []))
    .targets(panel.queries.map((query, index) => target(query, index)));
  if (stacked) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (panel.max !== undefined) builder.max(panel.max);
  if (panel.noValue !== undefined) builder.noValue(panel.noValue);
  if (panel.reach !== undefined) builder.axisSoftMax(panel.reach);
  if (panel.decimals !== undefined) builder.decimals(panel.decimals);
  for (const name of panel.good ?? []) builder.overrideByName(name, [colour('green')]);
  for (const name of panel.bad ?? []) builder.overrideByName(name, [colour('red')]);
  if (steps !== undefined) {
    const style = new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed);
    builder.thresholdsStyle(style);
  }
  return builder;
}

function colour(fixedColor: string): DynamicConfigValue {
  return { id: 'color', value: { mode: 'fixed', fixedColor } };
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
  /** What is shown, in this order: a label, or Value, and what it is called; the rest is hidden. */
  readonly columns: Readonly<Record<string, string>>;
  /** What a column is called by which rows stand in order at first. */
  readonly sortBy?: string;
  /** Pixels of columns that are not to share the width evenly, by what they are called. */
  readonly widths?: Readonly<Record<string, number>>;
}

/** A row for each label set, over the time that is shown. */
export function table(panel: Table): TableBuilder {
  const names = Object.keys(panel.columns);
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
      options: {
        excludeByName: Object.fromEntries(
          ['Time', 'Value'].filter((one) => !names.includes(one)).map((one) => [one, true]),
        ),
        indexByName: Object.fromEntries(names.map((one, index) => [one, index])),
        renameByName: panel.columns,
      },
    });
  if (panel.sortBy !== undefined) {
    builder.sortBy([new TableSortByFieldStateBuilder().displayName(panel.sortBy)]);
  }
  for (const [column, width] of Object.entries(panel.widths ?? {})) {
    builder.overrideByName(column, [{ id: 'custom.width', value: width }]);
  }
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
