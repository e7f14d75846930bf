"""Each kind of trigger in a task file: in a list, at a function, each mistake with its line."""

from __future__ import annotations

from tests.unit.discovery.conftest import Project


def test_each_kind_is_written_in_a_list_and_at_a_function(project: Project) -> None:
    project.write(
        "x.py",
        """
        import rota

        @rota.task("any", of=[{"crontab": "0 9 * * *"}, {"trigger": "interval", "hours": 5}])
        def several(): ...

        @rota.task(crontab="H H * * *", except_=[{"crontab": "0 9 25 12 *"}])
        def spread(): ...

        @rota.task("any", of=[{"crontab": "0 9 * * *"}, {"crontab": "0 99 * * *"}])
        def wrong_member(): ...

        @rota.task(rrule="FREQ=MONTHLY;BYDAY=-1FR", dtstart="2030-01-01 09:00")
        def monthly(): ...

        @rota.task("sun", event="sunset", latitude=52.5, longitude=13.4)
        def lamps(): ...

        @rota.task("sun", event="sunsett", latitude=52.5, longitude=13.4)
        def wrong_event(): ...

        @rota.task(every="weekday at 09:00")
        def english(): ...

        @rota.task(every="weekdays at 9")
        def wrong_english(): ...

        TASK_DEFINITIONS = [
            {
                "id": "listed",
                "func": several,
                "trigger": "any",
                "trigger_args": {"of": [{"crontab": "0 9 * * *"}]},
                "except": [{"crontab": "0 9 25 12 *"}],
            },
            {
                "id": "wrong_exception",
                "func": several,
                "trigger": "cron",
                "trigger_args": {"hour": 9},
                "except": ["de"],
            },
        ]
        """,
    )
    catalogue = project.load()
    kinds = {made.id: made.trigger for made in catalogue.definitions if made.id != "good"}
    assert kinds == {
        "several": "any",
        "spread": "cron",
        "listed": "any",
        "monthly": "rrule",
        "lamps": "sun",
        "english": "every",
    }
    said = [str(error).partition("backgroundtask/")[2] for error in catalogue.errors]
    assert sorted(said) == [
        "x.py:10, task 'wrong_member', of[1].crontab: of[1]: crontab='0 99 * * *': hour '99': '99'"
        " is not in 0-23. Write numbers from 0 to 23, like '0', '0-4', '*' or '*/2'.",
        "x.py:19, task 'wrong_event', event: event='sunsett': no event of the sun."
        " Did you mean 'sunset'?",
        "x.py:25, task 'wrong_english', text: text='weekdays at 9': not understood."
        " Did you mean 'weekday at 09:00'?",
        "x.py:41, task 'wrong_exception', except: except='de': no calendar of that name."
        " Define it in the configuration's section calendars.",
    ]
