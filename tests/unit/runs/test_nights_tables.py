from janus_trader.contracts.memory import LearningCurvePoint, SleepPhase, SleepReport
from janus_trader.runs.report_tables import curves_table, ripples_table, sleep_table


def night(number, deep, **settings):
    return SleepReport(
        night=number,
        ts_event=number,
        deep=deep,
        episodes=21,
        replayed=65,
        phases=(SleepPhase.AWAKE,),
        candidates=(),
        parameters_before="",
        parameters_after="",
        cycles={"light": 2},
        **{"ripples": {}, **settings},
    )


NIGHTS = [
    night(0, False, ripple_replays=4, compression=2.0, ripples={"large_loss": 3}),
    night(1, False, ripple_replays=0, compression=1.0, ripples={"novel_pattern": 1}),
    night(
        2,
        True,
        ripple_replays=10,
        compression=4.0,
        consolidated=7,
        traces=30,
        curves=(
            LearningCurvePoint(learner="opal", night=0, before=1.0, after=1.5, episodes=20),
            LearningCurvePoint(learner="opal", night=1, before=1.0, after=0.9, episodes=20),
        ),
    ),
]


def cells(table):
    return [
        [cell.split("</td>")[0] for cell in row.split("<td>")[1:]]
        for row in table.split("<tr>")
        if "<td>" in row
    ]


def test_nights_are_told_by_depth():
    assert cells(sleep_table(NIGHTS)) == [
        ["light", "2", "65", "2.0", "2.0", "0", "0"],
        ["deep", "1", "65", "10.0", "4.0", "30", "7"],
    ]
    assert sleep_table([]) == ""


def test_ripples_are_ranked_by_how_often_they_were_raised():
    assert cells(ripples_table(NIGHTS)) == [["large loss", "3", "75%"], ["novel pattern", "1", "25%"]]
    assert ripples_table([night(0, False)]) == ""


def test_gains_on_later_days_are_averaged_by_learner():
    assert cells(curves_table(NIGHTS)) == [["opal", "2", "+0.2", "50%"]]
    assert curves_table(NIGHTS[:2]) == ""
