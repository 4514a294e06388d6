"""What is so in the world. Within each table the well known stands first: rank is frequency."""

from __future__ import annotations

from typing import NamedTuple


class Country(NamedTuple):
    """A country and what is asked of it."""

    name: str
    capital: str
    continent: str
    language: str
    currency: str
    korean: str
    korean_capital: str


class Animal(NamedTuple):
    """An animal and what is asked of it; `legs` in words."""

    name: str
    plural: str
    korean: str
    legs: str
    food: str
    home: str


class Thing(NamedTuple):
    """A thing known by its color."""

    name: str
    color: str
    korean: str


class Job(NamedTuple):
    """A job, what comes of it, and where it is done."""

    name: str
    product: str
    place: str


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


COUNTRIES = [
    Country(*row)
    for row in _rows("""
Korea | Seoul | Asia | Korean | won | 한국 | 서울
Japan | Tokyo | Asia | Japanese | yen | 일본 | 도쿄
China | Beijing | Asia | Chinese | yuan | 중국 | 베이징
France | Paris | Europe | French | euro | 프랑스 | 파리
Germany | Berlin | Europe | German | euro | 독일 | 베를린
Italy | Rome | Europe | Italian | euro | 이탈리아 | 로마
Spain | Madrid | Europe | Spanish | euro | 스페인 | 마드리드
Russia | Moscow | Europe | Russian | ruble | 러시아 | 모스크바
India | Delhi | Asia | Hindi | rupee | 인도 | 델리
Canada | Ottawa | North America | English | dollar | 캐나다 | 오타와
Mexico | Mexico City | North America | Spanish | peso | 멕시코 | 멕시코시티
Brazil | Brasilia | South America | Portuguese | real | 브라질 | 브라질리아
Egypt | Cairo | Africa | Arabic | pound | 이집트 | 카이로
Australia | Canberra | Oceania | English | dollar | 호주 | 캔버라
Vietnam | Hanoi | Asia | Vietnamese | dong | 베트남 | 하노이
Thailand | Bangkok | Asia | Thai | baht | 태국 | 방콕
Turkey | Ankara | Asia | Turkish | lira | 터키 | 앙카라
Greece | Athens | Europe | Greek | euro | 그리스 | 아테네
Poland | Warsaw | Europe | Polish | zloty | 폴란드 | 바르샤바
Sweden | Stockholm | Europe | Swedish | krona | 스웨덴 | 스톡홀름
Norway | Oslo | Europe | Norwegian | krone | 노르웨이 | 오슬로
Finland | Helsinki | Europe | Finnish | euro | 핀란드 | 헬싱키
Denmark | Copenhagen | Europe | Danish | krone | 덴마크 | 코펜하겐
Portugal | Lisbon | Europe | Portuguese | euro | 포르투갈 | 리스본
Austria | Vienna | Europe | German | euro | 오스트리아 | 빈
Hungary | Budapest | Europe | Hungarian | forint | 헝가리 | 부다페스트
Argentina | Buenos Aires | South America | Spanish | peso | 아르헨티나 | 부에노스아이레스
Chile | Santiago | South America | Spanish | peso | 칠레 | 산티아고
Peru | Lima | South America | Spanish | sol | 페루 | 리마
Cuba | Havana | North America | Spanish | peso | 쿠바 | 아바나
Kenya | Nairobi | Africa | Swahili | shilling | 케냐 | 나이로비
Iran | Tehran | Asia | Persian | rial | 이란 | 테헤란
Iraq | Baghdad | Asia | Arabic | dinar | 이라크 | 바그다드
Mongolia | Ulaanbaatar | Asia | Mongolian | tugrik | 몽골 | 울란바토르
Nepal | Kathmandu | Asia | Nepali | rupee | 네팔 | 카트만두
Pakistan | Islamabad | Asia | Urdu | rupee | 파키스탄 | 이슬라마바드
Indonesia | Jakarta | Asia | Indonesian | rupiah | 인도네시아 | 자카르타
Malaysia | Kuala Lumpur | Asia | Malay | ringgit | 말레이시아 | 쿠알라룸푸르
Ukraine | Kyiv | Europe | Ukrainian | hryvnia | 우크라이나 | 키이우
Romania | Bucharest | Europe | Romanian | leu | 루마니아 | 부쿠레슈티
Bulgaria | Sofia | Europe | Bulgarian | lev | 불가리아 | 소피아
Serbia | Belgrade | Europe | Serbian | dinar | 세르비아 | 베오그라드
Croatia | Zagreb | Europe | Croatian | euro | 크로아티아 | 자그레브
Ireland | Dublin | Europe | English | euro | 아일랜드 | 더블린
Iceland | Reykjavik | Europe | Icelandic | krona | 아이슬란드 | 레이캬비크
Morocco | Rabat | Africa | Arabic | dirham | 모로코 | 라바트
Ethiopia | Addis Ababa | Africa | Amharic | birr | 에티오피아 | 아디스아바바
Ghana | Accra | Africa | English | cedi | 가나 | 아크라
Nigeria | Abuja | Africa | English | naira | 나이지리아 | 아부자
Senegal | Dakar | Africa | French | franc | 세네갈 | 다카르
Angola | Luanda | Africa | Portuguese | kwanza | 앙골라 | 루안다
Zambia | Lusaka | Africa | English | kwacha | 잠비아 | 루사카
Cambodia | Phnom Penh | Asia | Khmer | riel | 캄보디아 | 프놈펜
Laos | Vientiane | Asia | Lao | kip | 라오스 | 비엔티안
Georgia | Tbilisi | Asia | Georgian | lari | 조지아 | 트빌리시
Armenia | Yerevan | Asia | Armenian | dram | 아르메니아 | 예레반
Colombia | Bogota | South America | Spanish | peso | 콜롬비아 | 보고타
Ecuador | Quito | South America | Spanish | dollar | 에콰도르 | 키토
Paraguay | Asuncion | South America | Spanish | guarani | 파라과이 | 아순시온
Jamaica | Kingston | North America | English | dollar | 자메이카 | 킹스턴
Fiji | Suva | Oceania | Fijian | dollar | 피지 | 수바
Latvia | Riga | Europe | Latvian | euro | 라트비아 | 리가
Estonia | Tallinn | Europe | Estonian | euro | 에스토니아 | 탈린
Albania | Tirana | Europe | Albanian | lek | 알바니아 | 티라나
""")
]

ANIMALS = [
    Animal(*row)
    for row in _rows("""
cat | cats | 고양이 | four | fish | house
dog | dogs | 개 | four | meat | yard
cow | cows | 소 | four | grass | farm
horse | horses | 말 | four | hay | stable
duck | ducks | 오리 | two | seeds | pond
rabbit | rabbits | 토끼 | four | carrots | field
lion | lions | 사자 | four | meat | plain
tiger | tigers | 호랑이 | four | meat | jungle
bear | bears | 곰 | four | honey | forest
monkey | monkeys | 원숭이 | four | bananas | jungle
bee | bees | 벌 | six | nectar | hive
ant | ants | 개미 | six | sugar | hill
spider | spiders | 거미 | eight | flies | web
owl | owls | 부엉이 | two | mice | forest
frog | frogs | 개구리 | four | flies | pond
snake | snakes | 뱀 | no | mice | desert
chicken | chickens | 닭 | two | seeds | farm
elephant | elephants | 코끼리 | four | leaves | plain
penguin | penguins | 펭귄 | two | fish | ice
wolf | wolves | 늑대 | four | meat | forest
squirrel | squirrels | 다람쥐 | four | nuts | tree
goat | goats | 염소 | four | grass | hill
whale | whales | 고래 | no | shrimp | sea
crab | crabs | 게 | ten | worms | beach
eagle | eagles | 독수리 | two | fish | cliff
camel | camels | 낙타 | four | hay | desert
panda | pandas | 판다 | four | bamboo | forest
beetle | beetles | 딱정벌레 | six | wood | tree
otter | otters | 수달 | four | fish | river
swan | swans | 백조 | two | weeds | lake
""")
]

THINGS = [
    Thing(*row)
    for row in _rows("""
snow | white | 눈
grass | green | 풀
blood | red | 피
coal | black | 석탄
milk | white | 우유
honey | gold | 꿀
chocolate | brown | 초콜릿
ash | gray | 재
ink | blue | 잉크
mud | brown | 진흙
salt | white | 소금
jade | green | 옥
lava | red | 용암
amber | orange | 호박
tar | black | 타르
rust | orange | 녹
lilac | purple | 라일락
mustard | yellow | 겨자
coral | pink | 산호
straw | yellow | 짚
""")
]

OPPOSITES = [
    tuple(row)
    for row in _rows("""
hot | cold
big | small
good | bad
new | old
happy | sad
day | night
up | down
fast | slow
open | closed
full | empty
high | low
hard | soft
rich | poor
early | late
clean | dirty
loud | quiet
strong | weak
wide | narrow
thick | thin
near | far
brave | afraid
bright | dark
smooth | rough
sharp | blunt
""")
]

JOBS = [
    Job(*row)
    for row in _rows("""
baker | bread | bakery
farmer | corn | barn
painter | pictures | studio
tailor | coats | shop
writer | books | library
miner | iron | mine
fisher | nets | harbor
cook | soup | kitchen
potter | bowls | workshop
smith | swords | forge
brewer | beer | cellar
weaver | cloth | mill
carpenter | chairs | shed
jeweler | rings | market
gardener | roses | park
candlemaker | candles | tower
cobbler | shoes | street
printer | maps | office
""")
]

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November December".split()
)

KOREAN = {
    **dict(zip(DAYS, "월요일 화요일 수요일 목요일 금요일 토요일 일요일".split(), strict=True)),
    **dict(
        zip(
            MONTHS,
            "일월 이월 삼월 사월 오월 유월 칠월 팔월 구월 시월 십일월 십이월".split(),
            strict=True,
        )
    ),
    **dict(
        row
        for row in _rows("""
Asia | 아시아
Europe | 유럽
Africa | 아프리카
North America | 북아메리카
South America | 남아메리카
Oceania | 오세아니아
Korean | 한국어
Japanese | 일본어
Chinese | 중국어
French | 프랑스어
German | 독일어
Italian | 이탈리아어
Spanish | 스페인어
Russian | 러시아어
Hindi | 힌디어
English | 영어
Portuguese | 포르투갈어
Arabic | 아랍어
Vietnamese | 베트남어
Thai | 태국어
Turkish | 터키어
Greek | 그리스어
Polish | 폴란드어
Swedish | 스웨덴어
Norwegian | 노르웨이어
Finnish | 핀란드어
Danish | 덴마크어
Hungarian | 헝가리어
Swahili | 스와힐리어
Persian | 페르시아어
Mongolian | 몽골어
Nepali | 네팔어
Urdu | 우르두어
Indonesian | 인도네시아어
Malay | 말레이어
won | 원
yen | 엔
yuan | 위안
euro | 유로
ruble | 루블
rupee | 루피
dollar | 달러
peso | 페소
no | 영 개
two | 두 개
four | 네 개
six | 여섯 개
eight | 여덟 개
ten | 열 개
fish | 생선
meat | 고기
grass | 풀
hay | 건초
seeds | 씨앗
carrots | 당근
honey | 꿀
bananas | 바나나
nectar | 꽃꿀
sugar | 설탕
flies | 파리
mice | 쥐
leaves | 나뭇잎
nuts | 열매
bamboo | 대나무
house | 집
yard | 마당
farm | 농장
stable | 마구간
pond | 연못
field | 들판
plain | 초원
jungle | 정글
forest | 숲
hive | 벌집
hill | 언덕
web | 거미줄
desert | 사막
ice | 얼음
tree | 나무
sea | 바다
beach | 바닷가
cliff | 절벽
river | 강
lake | 호수
white | 하얀색
green | 초록색
red | 빨간색
black | 검은색
brown | 갈색
blue | 파란색
gold | 금색
gray | 회색
orange | 주황색
purple | 보라색
yellow | 노란색
pink | 분홍색
""")
    ),
}
"""Korean for what answers a question; a word that is missing is not asked in Korean."""

ALIASES = {"한국": "대한민국"}
"""Other names; training text uses both, the tests only the first."""
