/**
 * Every element by name: its unit, what it counts and in which time, and how it is merged. A cell (at most 15 minutes of
 * one asset) is filled with exactly these; everything longer, and everything above, is merged from cells. An element that
 * is not there was not measured; 0 is measured and nothing. "Known" is what R5 says: the source's session was healthy.
 */
import { at, type ElementGroup, type ElementSpec, elementGroups, max, sum } from './element.ts';

const meters = ['electricity', 'carrier'] as const;
const counters = ['production', 'electricity', 'carrier'] as const;

export const elementTable = {
  absent_s: sum(
    's',
    Object.keys(elementGroups) as ElementGroup[],
    'time of the window before anything of the site was known, summed; what the plan says of it is in the other elements',
  ),

  kept_s: sum(
    's',
    Object.keys(elementGroups) as ElementGroup[],
    'time of the window whose samples are deleted, in part at least: it stands as it was computed from them',
  ),

  // Time of a unit. PBT = APT + AUST + ADET + ADOT + UNK and POT = PBT + PDOT, always.
  unit_s: sum('s', 'production', 'length of the window, summed over units'),
  POT_s: sum('s', 'production', 'planned operation time: inside shifts, breaks included'),
  PDOT_s: sum('s', 'production', 'planned down time inside POT: breaks, planned stops, planned maintenance'),
  PBT_s: sum('s', 'production', 'planned busy time: POT − PDOT'),
  APT_s: sum('s', 'production', 'inside PBT: state RUN'),
  AUST_s: sum('s', 'production', 'inside PBT: state SETUP'),
  ADET_s: sum('s', 'production', 'inside PBT: delays, all classes'),
  ADET_failure_s: sum('s', 'production', 'part of ADET: FAULT, corrective maintenance'),
  ADET_internal_s: sum('s', 'production', 'part of ADET: HELD'),
  ADET_external_s: sum('s', 'production', 'part of ADET: BLOCKED, STARVED'),
  ADET_organisational_s: sum('s', 'production', 'part of ADET: IDLE or OFF with an order'),
  ADET_minor_s: sum('s', 'production', 'part of ADET: TRANSIENT, and stops below the minor-stop threshold'),
  ADET_energy_s: sum('s', 'production', 'part of ADET: POWER_CURTAIL, where the site counts it as a delay'),
  ADOT_s: sum('s', 'production', 'inside PBT: able to run, and no order'),
  ADOT_failure_s: sum('s', 'production', 'part of ADOT that an entered reason calls a failure'),
  UNK_s: sum('s', 'production', 'inside PBT: state not known'),
  APT_X_s: sum('s', 'production', 'outside PBT: state RUN'),
  UDT_X_s: sum('s', 'production', 'outside PBT: state FAULT'),
  PMT_s: sum('s', 'production', 'planned maintenance, inside and outside PBT'),
  CMT_s: sum('s', 'production', 'corrective maintenance, inside and outside PBT'),
  RUN_NO_ORDER_s: sum('s', 'production', 'part of APT without an order at the unit'),
  PBT_known_s: sum('s', 'production', 'part of PBT in which state and piece counters were both known'),
  APT_known_s: sum('s', 'production', 'part of APT in which the piece counters were known: the mask of PRI_PQ_known_s'),
  PBT_uncounted_s: sum('s', 'production', 'part of PBT whose pieces no counter tells; a bridged gap is told'),
  uncounted_s: sum(
    's',
    'production',
    'part of unit_s whose pieces no counter tells, planned or not; a bridged gap is told',
  ),
  PBT_no_PRI_s: sum('s', 'production', 'part of PBT for which no planned run time was declared'),

  // Pieces: those whose count was seen in the window; after a gap, in the window in which the gap ends.
  PQ: sum('pieces', 'production', 'produced'),
  GQ: sum('pieces', 'production', 'good; after rework in the window of the rework (R12)'),
  SQ: sum('pieces', 'production', 'scrap; where no counter tells it, PQ − GQ − RQ'),
  RQ: sum('pieces', 'production', 'sent to rework; absent where the unit does not tell'),
  PQ_RQ: sum('pieces', 'production', 'part of PQ of units that tell RQ: its denominator'),
  PSQ: sum('pieces', 'production', 'scrap that the orders planned for, spread as PLAN is'),
  PQ_first: sum('pieces', 'production', 'of a line: produced by its first operation'),
  PRI_PQ_s: sum('s', 'production', 'Σ planned run time × produced, of pieces that have a PRI'),
  PRI_GQ_s: sum('s', 'production', 'Σ planned run time × good, of pieces that have a PRI'),
  PRI_PQ_known_s: sum('s', 'production', 'part of PRI_PQ_s counted while state and counters were both known'),
  PRI_GQ_known_s: sum('s', 'production', 'part of PRI_GQ_s counted while state and counters were both known'),
  PQ_no_PRI: sum('pieces', 'production', 'part of PQ without a planned run time'),
  GQ_std: sum('units', 'production', "Σ good × the product's standard coefficient (1 where none is declared)"),
  GQ_t: sum('t', 'production', "Σ good × the product's mass; absent where no product has one"),
  GQ_no_mass: sum('pieces', 'production', 'part of GQ of products without a mass'),
  counter_suspect: sum('steps', counters, 'counter steps that nobody can believe (SUSPECT_JUMP, SUSPECT_DROP)'),
  counter_reset: sum('steps', counters, 'counter steps that were a reset: what came before it is not counted'),

  // Orders and capacity.
  AOET_s: sum(
    's',
    'production',
    'order execution time: actual start to end of orders at the unit; PBT where none are declared',
  ),
  AOET_assumed_s: sum('s', 'production', 'part of AOET of units whose orders are not declared'),
  PQ_no_order: sum('pieces', 'production', 'part of PQ outside AOET'),
  PLAN: sum(
    'pieces',
    'production',
    "orders' quantity, spread evenly over the PBT between planned start and planned end",
  ),
  SQ_planned: sum('pieces', 'production', 'part of SQ of units whose orders plan scrap: numerator over PSQ'),
  GQ_planned: sum('pieces', 'production', 'part of GQ of units that have orders with a quantity: numerator over PLAN'),
  EPC: sum('pieces', 'production', 'rated capacity per hour × length of the window'),
  EPC_none_s: sum('s', 'production', 'part of unit_s for which no capacity was declared'),

  // Stops, failures, curtailment. FE counts where it begins, TTR where it ends (R16).
  DOWN_s: sum('s', 'production', 'stops that ask for a reason: ADET and ADOT without ADET_minor'),
  DOWN_reasoned_s: sum('s', 'production', 'part of DOWN that has a reason'),
  FE: sum('failures', 'production', 'failures that began: FAULT for at least the failure threshold of the asset'),
  TTR_s: sum('s', 'production', 'time to restore of the failures that ended, from their begin'),
  TTR_n: sum('failures', 'production', 'failures that ended'),
  CURTAIL_s: sum('s', 'production', 'inside shifts without breaks: state POWER_CURTAIL, however it is booked'),
  CURTAIL_pieces: sum('pieces', 'production', 'Σ CURTAIL_s / the planned run time in force: what it could have made'),
  CURTAIL_good: sum('pieces', 'production', 'Σ CURTAIL_pieces × reference effectiveness × reference quality'),
  CURTAIL_no_reference_s: sum('s', 'production', 'part of CURTAIL_s for which no reference was declared'),
  CURTAIL_no_PRI_s: sum('s', 'production', 'part of CURTAIL_s for which no planned run time was declared'),

  // Canonical states inside POT, breaks included: what SEMI E10 and a time-line need.
  state_RUN_s: sum('s', 'states', 'inside POT: RUN'),
  state_SETUP_s: sum('s', 'states', 'inside POT: SETUP'),
  state_TRANSIENT_s: sum('s', 'states', 'inside POT: TRANSIENT'),
  state_BLOCKED_s: sum('s', 'states', 'inside POT: BLOCKED'),
  state_STARVED_s: sum('s', 'states', 'inside POT: STARVED'),
  state_HELD_s: sum('s', 'states', 'inside POT: HELD'),
  state_FAULT_s: sum('s', 'states', 'inside POT: FAULT'),
  state_IDLE_s: sum('s', 'states', 'inside POT: IDLE'),
  state_POWER_CURTAIL_s: sum('s', 'states', 'inside POT: POWER_CURTAIL'),
  state_MAINT_PLANNED_s: sum('s', 'states', 'inside POT: MAINT_PLANNED'),
  state_MAINT_CORRECTIVE_s: sum('s', 'states', 'inside POT: MAINT_CORRECTIVE'),
  state_OFF_s: sum('s', 'states', 'inside POT: OFF'),
  state_UNKNOWN_s: sum('s', 'states', 'inside POT: UNKNOWN'),

  // What people tell. A place is told of from the first entry in force on.
  GP: sum('pieces', 'inspection', 'part of IP that was good at once'),
  IP: sum('pieces', 'inspection', 'pieces inspected for the first time; absent where no entry tells'),
  inspect_s: sum(
    's',
    'inspection',
    'inside shifts without breaks and planned stops: time that inspections should tell',
  ),
  inspect_told_s: sum('s', 'inspection', 'part of inspect_s that an entry tells'),
  APWT_s: sum('s', 'personnel', 'personnel work time: what people worked on orders, summed over them'),
  APAT_s: sum(
    's',
    'personnel',
    'personnel attendance time without authorised breaks, summed over people; absent where no entry tells',
  ),
  crew_s: sum('s', 'personnel', 'inside shifts without breaks and planned stops: time that attendance should tell'),
  crew_told_s: sum('s', 'personnel', 'part of crew_s that an entry tells'),

  // A meter: all time of the window.
  kWh: sum('kWh', 'electricity', 'Δ register, energy over a gap included (R7)'),
  kWh_estimated: sum('kWh', 'electricity', 'part of kWh spread over a gap'),
  quantity: sum('own', 'carrier', "Δ register in the meter's unit, at standard conditions for gas"),
  quantity_estimated: sum('own', 'carrier', 'part of quantity spread over a gap'),
  window_s: sum('s', meters, 'length of the window, summed over meters'),
  measured_s: sum('s', meters, 'part of window_s in which the register was known'),
  estimated_s: sum('s', meters, 'part of window_s inside a gap between two believable readings'),
  integrated_s: sum('s', meters, 'part of measured_s whose energy is integrated from power (R17)'),
  kvarh: sum(
    'kvarh',
    'electricity',
    'reactive energy drawn, lagging (Q1), in the time in which both registers were measured',
  ),
  kvarh_lead: sum('kvarh', 'electricity', 'reactive energy, leading (Q4), in the same time'),
  kWh_reactive: sum('kWh', 'electricity', 'part of kWh in the same time: the active energy beside kvarh'),
  reactive_s: sum('s', 'electricity', 'part of window_s in which both registers were measured'),

  // Demand of a meter. An interval is measured from 95 % good seconds on, and only then sets a peak.
  blocks: sum('intervals', 'electricity', 'whole demand intervals that ended in the window'),
  blocks_measured: sum('intervals', 'electricity', 'part of blocks that was measured'),
  P_max_kW: max('kW', 'electricity', 'P_max_at_us', 'highest measured block'),
  P_max_at_us: at('electricity', 'P_max_kW'),
  slides: sum('intervals', 'electricity', 'sliding demand windows that ended in the window, one a step'),
  slides_measured: sum('intervals', 'electricity', 'part of slides that was measured'),
  P_slide_max_kW: max('kW', 'electricity', 'P_slide_max_at_us', 'highest measured sliding window'),
  P_slide_max_at_us: at('electricity', 'P_slide_max_kW'),

  // Tariff, applied in the cell. peak, mid, low: اوج‌بار، میان‌بار، کم‌بار.
  kWh_peak: sum('kWh', 'electricity', 'part of kWh in peak hours'),
  kWh_mid: sum('kWh', 'electricity', 'part of kWh in mid hours'),
  kWh_low: sum('kWh', 'electricity', 'part of kWh in low hours'),
  band_none_s: sum('s', 'electricity', 'part of window_s for which no band was in force'),
  cost_energy_IRR: sum('IRR', 'electricity', 'Σ kWh × price of the band and date'),
  price_none_s: sum('s', 'electricity', 'part of window_s for which no price was in force'),
  outages: sum('interruptions', 'electricity', 'supply interruptions that began, told by a device that stayed powered'),
  outage_s: sum('s', 'electricity', 'time without supply'),
  outage_known_s: sum('s', 'electricity', 'part of window_s in which what tells the supply was known'),

  // All carriers, converted in the cell by the dated factors.
  energy_MJ: sum('MJ', 'energy', 'Σ quantity × conversion factor'),
  energy_no_factor_s: sum('s', 'energy', 'part of energy_s for which no conversion factor was in force'),
  CO2e_kg: sum('kg', 'energy', 'Σ quantity × emission factor'),
  CO2e_no_factor_s: sum('s', 'energy', 'part of energy_s for which no emission factor was in force'),
  energy_s: sum('s', 'energy', 'length of the window, summed over meters'),
  energy_known_s: sum('s', 'energy', 'part of energy_s that was measured or estimated'),
  energy_estimated_s: sum('s', 'energy', 'part of energy_s that was estimated'),

  kWh_run: sum('kWh', 'split', 'energy while a unit behind the meter was in RUN'),
  kWh_not_run: sum('kWh', 'split', 'energy while all units behind the meter were known and none in RUN'),
  kWh_unsplit: sum('kWh', 'split', 'energy while states or the shape of the energy were not known'),
  kWh_allocated: sum(
    'kWh',
    'split',
    'part of kWh_run and kWh_not_run shared out by an allocation, not measured each minute',
  ),

  kWh_grid: sum('kWh', 'supply', 'drawn from the grid'),
  kWh_own: sum('kWh', 'supply', 'made on the site'),
  kWh_export: sum('kWh', 'supply', 'given to the grid'),
  supply_s: sum('s', 'supply', 'length of the window'),
  supply_known_s: sum('s', 'supply', 'part of it in which all meters of the supply were measured or estimated'),

  balance_main_kWh: sum('kWh', 'balance', 'of the meter, in the time in which it and all below were known'),
  balance_sub_kWh: sum('kWh', 'balance', 'Σ of the meters directly below, in the same time'),
  balance_loss_kWh: sum('kWh', 'balance', 'declared losses between them, in the same time'),
  balance_s: sum('s', 'balance', 'length of the window'),
  balance_known_s: sum('s', 'balance', 'part of it in which the meter and all below were measured or estimated'),

  // Demand response.
  cap_intervals: sum('intervals', 'cap', 'whole demand intervals under a cap'),
  cap_measured: sum('intervals', 'cap', 'part of cap_intervals that was measured'),
  cap_kept: sum('intervals', 'cap', 'part of cap_measured with P ≤ L·(1 + tolerance)'),
  cap_excess_kWh: sum('kWh', 'cap', 'Σ max(0, P − L) × length, of measured intervals; without the tolerance'),
  cap_worst_kW: max(
    'kW',
    'cap',
    'cap_worst_at_us',
    'highest P − L of measured intervals; negative where all were below',
  ),
  cap_worst_at_us: at('cap', 'cap_worst_kW'),
  cap_worst_share: max('1', 'cap', 'cap_worst_share_at_us', 'highest P / L − 1 of measured intervals with L > 0'),
  cap_worst_share_at_us: at('cap', 'cap_worst_share'),
  event_s: sum('s', 'event', 'length of the event'),
  event_measured_s: sum('s', 'event', 'part of it in measured quarter-hours that have a baseline'),
  event_kWh: sum('kWh', 'event', 'energy in event_measured_s'),
  event_cbl_kWh: sum('kWh', 'event', 'what the baseline expected in event_measured_s'),
  event_request_kWh: sum('kWh', 'event', 'reduction asked for, in event_measured_s; absent where none was'),

  HDD_Kd: sum('K·d', 'weather', 'heating degree days'),
  CDD_Kd: sum('K·d', 'weather', 'cooling degree days'),
  weather_s: sum('s', 'weather', 'length of the window'),
  weather_known_s: sum('s', 'weather', 'part of it in which the temperature was known'),

  // Data quality.
  expected_s: sum('s', ['completeness', 'tags'], 'length of the window, per tag'),
  known_s: sum('s', ['completeness', 'tags'], 'part of it in which a Good value was known'),
  bad_s: sum('s', ['completeness', 'tags'], 'part of it in which the source was there and the value was not Good'),
  slots_good: sum('readings', 'completeness', 'scheduled readings that were Good'),
  slots_bad: sum('readings', 'completeness', 'scheduled readings that were Bad'),
  slots_skipped: sum('readings', 'completeness', 'scheduled readings that were not made'),
  due_s: sum('s', 'timeliness', 'time of quarter-hours of which data were expected, per tag'),
  ontime_s: sum('s', 'timeliness', 'part of due_s whose quarter-hour was complete 5 minutes after its end'),
  recovered_s: sum('s', 'timeliness', 'part of due_s whose quarter-hour was not complete then, and is now'),
  latency_b: sum(
    'samples',
    'timeliness',
    'family latency_b0, latency_b1, …: live samples by their latency (`latency.ts`)',
  ),
  agent_s: sum('s', 'connectivity', 'time in which agents should be connected to the hub, summed over agents'),
  agent_down_s: sum('s', 'connectivity', 'part of agent_s without a connection, planned works apart'),
  agent_planned_s: sum('s', 'connectivity', 'part of agent_s without a connection during planned works'),
  device_s: sum('s', 'connectivity', 'time in which devices should be connected to their agent, summed over sources'),
  device_down_s: sum('s', 'connectivity', 'part of device_s without a session, planned works apart'),
  device_planned_s: sum('s', 'connectivity', 'part of device_s without a session during planned works'),
  clock_max_s: {
    ...max('s', 'clock', 'clock_max_at_us', 'greatest difference of an agent from true time, either way'),
    over: 'time and assets',
  },
  clock_max_at_us: { ...at('clock', 'clock_max_s'), over: 'time and assets' },
  tags_contracted: { ...sum('tags', 'tags', 'tags that the contract lists'), over: 'assets' },
  tags_mapped: { ...sum('tags', 'tags', 'of these, bound to an announced tag'), over: 'assets' },
  tags_complete: { ...sum('tags', 'tags', 'of these, complete to at least 95 % in the window'), over: 'assets' },
} as const satisfies Readonly<Record<string, ElementSpec>>;

export type ElementName = keyof typeof elementTable;
