"""From allowed weights to orders: the cost model, the order planner and execution schedules."""
