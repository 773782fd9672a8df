"""A hundred sentences of many kinds: written | spoken, with braces around the words that must be right."""

from __future__ import annotations

from typing import NamedTuple


class Utterance(NamedTuple):
    """`point` is what a listener must not get wrong; empty where the sentence is plain."""

    kind: str
    text: str
    spoken: str
    point: str


_TABLE = """
# plain
The ferry leaves before the fog comes in. | The ferry leaves before the fog comes in.
She kept her promise and wrote every week. | She kept her promise and wrote every week.
Nothing in the garden had changed since the spring. | Nothing in the garden had changed since the spring.
He opened the window because the room was too warm. | He opened the window because the room was too warm.
The committee will announce its decision tomorrow morning. | The committee will announce its decision tomorrow morning.
Please leave your shoes by the door when you come in. | Please leave your shoes by the door when you come in.
They walked along the river until it was dark. | They walked along the river until it was dark.
A good tool disappears while you are using it. | A good tool disappears while you are using it.
# questions
Where did you put the keys to the car? | Where did you put the keys to the car?
Could you tell me when the next train leaves? | Could you tell me when the next train leaves?
Why does the server answer so slowly today? | Why does the server answer so slowly today?
Do you want me to run the tests again? | Do you want me to run the tests again?
Isn't that what we agreed on last week? | Isn't that what we agreed on last week?
# names
Maria and Thomas moved from Chicago to Boston. | Maria and Thomas moved from Chicago to Boston.
William Shakespeare was born in England. | William Shakespeare was born in England.
Professor Anderson teaches history in Edinburgh. | Professor Anderson teaches history in Edinburgh.
The Amazon is the largest river in South America. | The Amazon is the largest river in South America.
Alice sent a letter to Robert in Washington. | Alice sent a letter to Robert in Washington.
# numbers
There were 1,234 people in the hall. | There were {one thousand two hundred thirty four} people in the hall.
The city has 1,500,000 inhabitants. | The city has {one million five hundred thousand} inhabitants.
We counted 42 birds and 17 nests. | We counted {forty two} birds and {seventeen} nests.
The value of pi is about 3.14159. | The value of pi is about {three point one four one five nine}.
The temperature fell to -5 degrees. | The temperature fell to {minus five} degrees.
He finished 3rd and she finished 21st. | He finished {third} and she finished {twenty first}.
It was the 100th time he had asked. | It was the {one hundredth} time he had asked.
Pages 10-20 are missing from the book. | Pages {ten to twenty} are missing from the book.
Only .5 of the sample was left. | Only {zero point five} of the sample was left.
Add 2 1/2 cups of flour. | Add {two and one half} cups of flour.
About 3/4 of the voters agreed. | About {three quarters} of the voters agreed.
The lake is 10,000 years old. | The lake is {ten thousand} years old.
# percent
Prices rose by 12.5% last year. | Prices rose by {twelve point five percent} last year.
Only 5-10% of the users noticed. | Only {five to ten percent} of the users noticed.
The battery is at 80%. | The battery is at {eighty percent}.
# dates
The contract was signed on 2024-03-15. | The contract was signed on {March fifteenth twenty twenty four}.
The meeting is on March 5, 2021. | The meeting is on {March fifth twenty twenty one}.
She was born on 12 June 1984. | She was born on the {twelfth of June nineteen eighty four}.
The deadline is 10/31/2025. | The deadline is {October thirty first twenty twenty five}.
The war ended in 1945. | The war ended in {nineteen forty five}.
He lived there from 1999-2004. | He lived there from {nineteen ninety nine to two thousand four}.
Music changed a lot in the 1960s. | Music changed a lot in the {nineteen sixties}.
We open Mon-Fri, and close on Jan. 1. | We open {Monday to Friday}, and close on {January first}.
# times
The train leaves at 5:30 p.m. today. | The train leaves at {five thirty p m} today.
Lunch is at 12:05 sharp. | Lunch is at {twelve oh five} sharp.
The shop is open 9am-6pm every day. | The shop is open {nine a m to six p m} every day.
The call is at 9:00 in the morning. | The call is at {nine o'clock} in the morning.
The alarm rang at 06:45 this morning. | The alarm rang at {six forty five} this morning.
# money
The ticket costs $3.50 for children. | The ticket costs {three dollars and fifty cents} for children.
The laptop was sold for $1,299.99 online. |\
 The laptop was sold for {one thousand two hundred ninety nine dollars and ninety nine cents} online.
They raised $2.5 million in one day. | They raised {two point five million dollars} in one day.
It costs 20 € at the counter. | It costs {twenty euros} at the counter.
The repair was £15.75 in total. | The repair was {fifteen pounds and seventy five pence} in total.
A coffee is $5 and a tea is $4. | A coffee is {five dollars} and a tea is {four dollars}.
The plan is $12/month for one user. | The plan is {twelve dollars per month} for one user.
The company lost £1bn in one year. | The company lost {one billion pounds} in one year.
Tickets are $10-$20 each. | Tickets are {ten dollars to twenty dollars} each.
# units
The box weighs 80 kg and is 5 m long. | The box weighs {eighty kilograms} and is {five meters} long.
The speed limit is 100 km/h here. | The speed limit is {one hundred kilometers per hour} here.
The file has 16 GB and loads at 200 MB/s. |\
 The file has {sixteen gigabytes} and loads at {two hundred megabytes per second}.
It is 25 °C in the shade. | It is {twenty five degrees celsius} in the shade.
The screen is 5 cm x 10 cm in size. | The screen is {five centimeters by ten centimeters} in size.
Wait for 30 s and then press the button. | Wait for {thirty seconds} and then press the button.
The chip runs at 2.4 GHz. | The chip runs at {two point four gigahertz}.
The man is 6 ft. 2 in. tall. | The man is {six feet two inches} tall.
# telephones
Please call 555-1234 before noon. | Please call {five five five one two three four} before noon.
My number is (415) 555-2671 at work. | My number is {four one five five five five two six seven one} at work.
# abbreviations
Dr. Smith met Mr. Jones and Mrs. Brown. | {Doctor} Smith met {Mister} Jones and {Missus} Brown.
He lives at 12 Main St. in St. Louis. | He lives at twelve Main {Street} in {Saint} Louis.
Bring fruit, e.g. apples, to the party. | Bring fruit, {for example} apples, to the party.
The package is approx. 3 days late. | The package is {approximately} three days late.
The U.S. team played against the U.K. team. | The {U S} team played against the {U K} team.
NASA and the FBI signed the paper. | {NASA} and the {FBI} signed the paper.
It is the Red Sox vs. the Yankees tonight. | It is the Red Sox {versus} the Yankees tonight.
Prof. Green and Gen. Lee were there. | {Professor} Green and {General} Lee were there.
The house was built ca. 1850 by a farmer. | The house was built {circa} eighteen fifty by a farmer.
Bread, milk, etc. are in the kitchen. | Bread, milk, {etcetera} are in the kitchen.
The interview with Sgt. Miller is on Dec. 25. | The interview with {Sergeant} Miller is on {December twenty fifth}.
# roman
World War II began after a long crisis. | {World War two} began after a long crisis.
Read Chapter IV before the lesson. | Read {Chapter four} before the lesson.
King Henry VIII had many wives. | King {Henry the eighth} had many wives.
# addresses
Go to https://www.example.com/docs and read. | Go to {example dot com slash docs} and read.
Visit github.com for the source code. | Visit {github dot com} for the source code.
Write to support@example.com for help. | Write to {support at example dot com} for help.
The file is in /home/maria/music today. | The file is in {slash home slash maria slash music} today.
Open the file main.py in the editor. | Open the file {main dot py} in the editor.
The host is 10.0.0.1 in this network. | The host is {ten dot zero dot zero dot one} in this network.
# code
Call the function read_file() first. | Call the function {read file} first.
Set maxRetryCount to five. | Set {max retry count} to five.
Pass --verbose to see more. | Pass {dash dash verbose} to see more.
Check that a != b before you go on. | Check that {a is not equal to b} before you go on.
Install version 2.0.1 of the package. | Install version {two point zero point one} of the package.
He writes C++ and C# at work. | He writes {C plus plus} and {C sharp} at work.
The result of 5 × 3 is fifteen. | The result of {five times three} is fifteen.
If x >= 10 the loop ends. | If {x is greater than or equal to ten} the loop ends.
# marks
It was *really* important to **everyone**. | It was really important to everyone.
The weather is great today! 😀🎉 | The weather is great today!
He said “hello” – and left… | He said hello and left.
Buy bread & butter (and some jam). | Buy bread {and} butter and some jam.
She is #1 in her class. | She is {number one} in her class.
The naïve café owner read his résumé. | The naive cafe owner read his resume.
Support is there 24/7 for everyone. | Support is there {twenty four seven} for everyone.
"""


def _read() -> list[Utterance]:
    read, kind = [], ""
    for line in _TABLE.strip().splitlines():
        if line.startswith("# "):
            kind = line[2:]
            continue
        text, _, spoken = line.partition(" | ")
        points = [part.partition("}")[0] for part in spoken.split("{")[1:]]
        read.append(Utterance(kind, text, spoken.replace("{", "").replace("}", ""), " / ".join(points)))
    return read


UTTERANCES = _read()
