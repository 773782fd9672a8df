"""Says dates, times of day and durations."""

from __future__ import annotations

import re

from hushd_reading import names, spellout
from hushd_reading.language import ready
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Date, Number, Time

from .numbers import Numbers


class Times(Numbers):
    """Says dates, times and durations."""

    def date(self, date: Date, near: Near, parts: Parts) -> str:
        language = self.language
        form = language["date"]
        month = ready(language.code)["months-wide"][date.month - 1] if date.month else ""
        spoken = month
        if date.day is not None:
            day = self.day(date.day, near)
            if date.until is not None:
                day = f"{day} {language['to']} {self.day(date.until, near)}"
            named = not parts["month"].isdecimal()
            first = named and near.text.find(parts["month"], near.start) < near.text.find(parts["day"], near.start)
            first = "month_day" in form and (first or (not named and form["order"] == "mdy"))
            spoken = form["month_day" if first else "day_month"].format(day, month)
        if date.year:
            spoken += form["year" if date.day is not None else "month_year"].format(self.year_of(date.year))
        if date.weekday:
            spoken = form.get("weekday", "{}, {}").format(language["days"][date.weekday], spoken)
        if re.search(r"(?<!\w)(?:the|The) $", near.text[: near.start]):
            spoken = spoken.removeprefix("the ")
        return f"{spoken}, {self.time(date.time, near, {})}" if date.time else spoken

    def months(self, record: object, near: Near, parts: Parts) -> str:
        """Says Oct-Dec: October to December."""
        wide, forms = ready(self.language.code)["months-wide"], names.month_forms(self.language)
        first, last = (wide[forms[parts[name]] - 1] for name in ("month", "until"))
        year = self.language["date.month_year"].format(self.year_of(parts["year"])) if "year" in parts else ""
        return f"{first} {self.language['to']} {last}{year}"

    def day(self, day: int, near: Near) -> str:
        kind = self.language.get(f"date.day-{self._tag.lower()}", self.language["date.day"])
        own = self.language.function("day")
        if own is not None:
            return str(own(self, day, near))
        marked = kind == "marked" and re.match(r"\d+\.?(?:[º°o]|er)", near.text[near.start :])
        if kind == "ordinal" or (kind == "first" and day == 1) or marked:
            return spellout.ordinal(day, self._tag, "m")
        return spellout.cardinal(day, self._tag)

    def time(self, time: Time, near: Near, parts: Parts) -> str:
        form = self.language["time"]
        single, plural = form["hour"].split("/")
        of = form.get("gender")
        hour = spellout.cardinal(time.hour, self._tag, of)
        zeros, below_two = self.language.words("cues.feminine"), self.language.get("number.single_below_two")  # às 0h
        alone = time.hour == 1 or (time.hour == 0 and below_two and near.word_before() not in zeros)
        if time.until and re.match(r"\d+\s?[-–—]", near.text[near.start :]):
            return f"{hour} {self.language['to']} {self.time(time.until, near, {})}"
        if not time.minute:
            key = "full_noon" if time.noon and "full_noon" in form else "full"
        elif time.minute < 10 and "under_ten" in form:
            key = "under_ten"
        else:
            pointed = re.match(r"\d+[:.]", near.text[near.start : near.end])
            key = "timed" if time.second else "spoken" if pointed else "minute"
            key = key if key in form else "minute"
        of = form.get("minute_gender") or ("m" if "{2} min" in form[key] else None)
        spoken = form[key].format(hour, single if alone else plural, spellout.cardinal(time.minute or 0, self._tag, of))
        if time.second:
            spoken += form["second"].format(self._part(Number(str(time.second)), "s"))
        if time.noon:
            spoken += " " + form.get(f"noon_{time.noon}", " ".join(time.noon.upper()))
        if time.zone:
            spoken += f" {'UTC' if time.zone == 'Z' else time.zone}"
        if time.until:
            spoken += f" {self.language['to']} {self.time(time.until, near, {})}"
        return str(spoken)

    def duration(self, record: object, near: Near, parts: Parts) -> str:
        signs = {"hours": "h", "minutes": "min", "seconds": "s"}
        spoken = []
        for part, sign in signs.items():
            if part in parts:
                whole, _, places = parts[part].replace(",", ".").partition(".")
                number = Number(whole.lstrip("0") or "0", places)
                spoken.append(self._part(number, sign))
        *first, last = spoken
        return f"{' '.join(first)}{self.language.get('duration.and', ' ')}{last}" if first else last

    def _part(self, number: Number, sign: str) -> str:
        of = names.noun_gender(names.unit(sign, self.language, True), self.language)
        return f"{self.say(number, of)} {names.unit(sign, self.language, self.single(number))}"
