"""Tries how far text2num (MIT, 0.9 MB, no dependencies) and a few rules write spoken numbers: 196 of 200, and 55 of 60
held out. A prototype for `listen --written`, not a part of hushd: `uv run --with text2num==3.1.0 lab/written/written.py`."""
from __future__ import annotations
import re
from text_to_num import find_numbers

class Tok:
    def __init__(s,t): s.t=t
    def text(s): return s.t
    def text_lowercase(s): return s.t.lower()
    def nt_separated(s,prev): return False
    def not_a_number_part(s): return False

M=dict(
 en="January February March April May June July August September October November December",
 de="Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
 fr="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
 es="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
 pt="janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro")
PERCENT=dict(en="percent|per cent",de="Prozent",fr="pour (?:100|cent)",es="por (?:100|ciento)",pt="por (?:100|cento)")
N=r"\d+(?:[.,]\d+)?"
for l in ['en','de','fr','es','pt']: pass
def months(l): return "|".join(M[l].split())
RULES={
 'en':[
  (r"\boh (\d)(?= |$)",r"0 \1"),(r"\bdouble (\d)\b",r"\1 \1"),
  (r"\b(?:\d ){2,}\d\b",lambda m:m[0].replace(" ","")),
  (r"\b(1[1-9]|20) (\d\d)\b",r"\1\2"),
  (rf"\b({N}) (?:percent|per cent)\b",r"\1%"),
  (rf"\b(\d+) dollars and (\d\d?) cents\b",lambda m:f"${m[1]}.{m[2]:0>2}"),
  (rf"\b({N}) dollars\b",r"$\1"),(rf"\b({N}) pounds\b",r"£\1"),(rf"\b({N}) euros?\b",r"€\1"),
  (r"\bat (\d\d?) (\d\d)\b(?! \w+(?:s\b))",r"at \1:\2"),
  (rf"\b({months('en')}) (?:the )?(\d\d?(?:st|nd|rd|th)?)(?: (\d{{4}}))?\b",lambda m:f"{m[1]} {m[2]}"+(f", {m[3]}" if m[3] else "")),
  (r"\bminus (\d)",r"-\1")],
 'de':[
  (r"\b(?:0?\d ){2,}\d\b",lambda m:m[0].replace(" ","")),
  (rf"\b({N}) Prozent\b","\\1 %"),
  (r"\b(\d+) Euro (?:und )?(\d\d)(?: Cent)?\b",r"\1,\2 €"),(rf"\b({N}) Euro\b","\\1 €"),(rf"\b({N}) Dollar\b","\\1 $"),
  (r"\b(\d\d?) Uhr (\d\d)\b",r"\1:\2 Uhr"),(r"\bminus (\d)",r"-\1")],
 'fr':[
  (r"\b0\d(?: \d\d){4}\b",lambda m:m[0]),
  (rf"\b({N}) pour (?:100|cent)\b","\\1 %"),
  (r"\b(\d+) euros? (\d\d)\b",r"\1,\2 €"),(rf"\b({N}) euros?\b","\\1 €"),(rf"\b({N}) dollars\b","\\1 $"),
  (r"\b(\d\d?) heures (\d\d)\b",r"\1 h \2"),(r"\b(\d\d?) heures\b",r"\1 h"),(r"\bmoins (\d)",r"-\1"),(r"(\d)ème\b",r"\1e")],
 'es':[
  (r"\b(?:\d ){2,}\d\b",lambda m:m[0].replace(" ","")),
  (rf"\b({N}) por (?:100|ciento)\b","\\1 %"),
  (r"\b(\d+) euros? con (\d\d)\b",r"\1,\2 €"),(rf"\b({N}) euros?\b","\\1 €"),(rf"\b({N}) dólares\b","\\1 $"),
  (r"\blas (\d\d?) y media\b",r"las \1:30"),(r"\blas (\d\d?) y (\d\d)\b",r"las \1:\2"),(r"\bmenos (\d)",r"-\1")],
 'pt':[
  (r"\b(?:\d ){2,}\d\b",lambda m:m[0].replace(" ","")),
  (rf"\b({N}) por (?:100|cento)\b",r"\1%"),
  (r"\b(\d+) rea(?:l|is) e (\d\d?) centavos?\b",r"R$ \1,\2"),(rf"\b({N}) reais\b",r"R$ \1"),(rf"\b({N}) dólares\b",r"US$ \1"),(rf"\b({N}) euros?\b","\\1 €"),
  (r"\bàs (\d\d?) horas e (\d\d) minutos\b",r"às \1h\2"),(r"\bàs (\d\d?) horas\b",r"às \1h"),(r"\bàs (\d\d?) e (\d\d)\b",r"às \1h\2"),(r"\bmenos (\d)",r"-\1")],
}
MILLION={'en':r"millions?|billions?",'de':"Millione?n?|Milliarden?",'fr':"millions?|milliards?",'es':"mill(?:ón|ones)",'pt':"milh(?:ão|ões)"}
# what follows or precedes a small number that is written in digits
AFTER={'en':r"percent|per cent|dollars?|pounds|euros?|a\.?m|p\.?m|degrees|million|billion|kilo\w*|point|"+months('en')+"|"+r"of (?:"+months('en')+")",
 'de':"Prozent|Euro|Dollar|Uhr|Grad|Millionen|Milliarden|Kilo\w*|Komma|"+months('de'),
 'fr':"pour cent|euros?|dollars|heures|degrés|millions|milliards|kilos|virgule|"+months('fr'),
 'es':"por ciento|euros?|dólares|grados|millones|kilos|coma|de (?:"+months('es')+")",
 'pt':"por cento|euros?|reais|dólares|horas|graus|milhões|quilos|vírgula|de (?:"+months('pt')+")"}
BEFORE={'en':r"minus|page|room|chapter|number|point|at|double|oh|"+months('en')+"(?: the)?",'de':"minus|Seite|Zimmer|Kapitel|Komma|am|um",'fr':"moins|page|chambre|chapitre|virgule",'es':"menos|página|habitación|capítulo|coma|a las",'pt':"menos|página|quarto|capítulo|vírgula|às"}
def written(text,l):
    words=text.split()
    keep={}
    out=[];i=0
    # millions are words
    mill=re.compile(rf"(?:{MILLION[l]})$",re.I)
    occ=[]
    runs=[];cur=[]
    for n,w in enumerate(words):
        if mill.match(w):
            runs.append(cur);cur=[];runs.append([(n,None)])
        else: cur.append((n,w))
    runs.append(cur)
    for run in runs:
        if not run or run[0][1] is None: continue
        base=run[0][0]
        for o in find_numbers([Tok(w) for _,w in run],l,0.0):
            occ.append((base+o.start,base+o.end,o.text,o.value,o.is_ordinal))
    occ.sort()
    for k,(a,b,t,v,isord) in enumerate(occ):
        before=" ".join(words[max(0,a-3):a]); after=" ".join(words[b:b+3])
        near=(k and occ[k-1][1]>=a) or (k+1<len(occ) and occ[k+1][0]<=b)
        chain=sum(1 for x in occ if x[1]-x[0]==1)
        ctx=re.match(rf"(?:{AFTER[l]})\b",after) or re.search(rf"(?:^|\s)(?:{BEFORE[l]})$",before)
        nxt=words[b] if b<len(words) else ""
        small=v<10 if not isord else v<10
        if mill.match(nxt) and v==1: continue
        if b-a==1 and re.fullmatch(r"(?i)un|une|uno|una|um|uma|ein|eine|einer|eins|one|first|second|segundo|segunda|premi\w+|erst\w+|mil|mille|tausend|neuf|neuve",words[a]) and not (ctx and not re.fullmatch("(?i)second|mil|mille|tausend",words[a])) and not near: continue
        if small and not ctx and not near and "," not in t and "." not in t: continue
        keep[a]=(b,t,isord,v)
    while i<len(words):
        if i in keep:
            b,t,isord,v=keep[i]
            if not isord and t.isdigit() and (len(t)>4 or (l=='en' and len(t)==4 and words[i:b] and 'thousand' in words[i:b] and not words[i].lower()=='two' ) or (l=='en' and len(t)==4 and 'hundred' in words[i:b] and 'thousand' in words[i:b])) and not t.startswith('0'):
                sep={'en':',','de':'.','fr':' ','es':' ','pt':'.'}[l]
                if l=='pt' and v%1000==0: t=f"{int(v)//1000} mil"
                else: t=f"{int(v):,}".replace(',',sep)
            out.append(t); i=b
        else: out.append(words[i]); i+=1
    s=" ".join(out)
    for p,r in RULES[l]: s=re.sub(p,r,s)
    return s
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parent / "held"):
    for l in RULES:
        rows = [row.split(" -> ") for row in (folder / f"{l}.txt").read_text().splitlines()]
        wrong = [(written(a, l), b) for a, b in rows if written(a, l) != b]
        print(folder.name, l, len(rows) - len(wrong), "of", len(rows), wrong)
