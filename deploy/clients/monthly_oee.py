"""OEE and energy of each site and line by business day of a Jalali month, as a table to look at and a CSV file.

    PAYESH_URL=http://127.0.0.1:8080 PAYESH_TOKEN=… python3 monthly_oee.py 1404-04
"""

import sys

from payesh import Payesh


def main(month, file="kpi.csv"):
    hub = Payesh()
    year, number = map(int, month.split("-"))
    following = "%04d-%02d" % ((year, number + 1) if number < 12 else (year + 1, 1))
    asked = {
        "kpi": ["prod.oee", "prod.availability", "en.kwh"],
        "depth": 2,
        "granularity": "day",
        "date_from": month + "-01",
        "date_to": following + "-01",
    }
    for row in hub.rows("kpi-values", **asked, compare="target", limit=1000):
        value = "—" if row["value"] is None else "%.3f" % row["value"]
        print(row["jalali_date"], row["asset"], row["kpi"], value, row["unit"], row["status"], sep="\t")
    print("saved", hub.save("kpi-values", file, **asked), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
