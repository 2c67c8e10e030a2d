"""The names and texts a made-up shop draws from, awkward ones included."""

FIRST_NAMES = (
    "Alice", "Bob", "Chloé", "Daniel", "Émilie", "Fatima", "Giulia", "Hiro", "Ines", "Jonas",
    "Katarzyna", "Liam", "Møna", "Noah", "Olivia", "Pavel", "Quentin", "Rosa", "Søren", "Tomás",
    "Uma", "Viktor", "Wren", "Ximena", "Yusuf", "Zoë", "محمد", "שרה", "美咲", "Σοφία", "Zoe\u0308",
)  # fmt: skip
LAST_NAMES = (
    "Adams", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ivanova",
    "Jansen", "Kowalska", "Lindqvist", "Moreau", "Nakamura", "O'Brien", "Petrov", "Quiroga",
    "Rossi", "Schmidt", "Tanaka", "Ueda", "Van der Berg", "Wójcik", "Xu", "Yılmaz", "Zhang",
    "الأحمد", "כהן", "鈴木",
)  # fmt: skip
MAIL_DOMAINS = (
    "mail.alpine-demo.shop", "post.fjord-demo.shop", "inbox.cedar-demo.email",
    "letters.harbor-demo.email", "mail.orchard-demo.store",
)  # fmt: skip
# city, province, province code, country, country code, zip, dialling pattern of valid mobiles
PLACES = (
    ("Louisville", "Kentucky", "KY", "United States", "US", "40202", "+1202555{:04d}"),
    ("Portland", "Oregon", "OR", "United States", "US", "97201", "+1503555{:04d}"),
    ("Lyon", None, None, "France", "FR", "69001", "+336120{:05d}"),
    ("München", "Bayern", "BY", "Germany", "DE", "80331", "+49151234{:05d}"),
    ("Leeds", "England", "ENG", "United Kingdom", "GB", "LS1 4DY", "+447400{:06d}"),
    ("大阪市", "Osaka", "JP-27", "Japan", "JP", "530-0001", "+819012{:06d}"),
    ("תל אביב", None, None, "Israel", "IL", "6100000", "+97250123{:04d}"),
)
BROKEN_PHONES = ("555-625-1199", "0612345678", "+1555", "call me", "+0000000000", "(02) 9999 0000")
STREETS = ("Chestnut Street", "Rue de la République", "Hauptstraße", "Mill Lane", "شارع النيل")
ADJECTIVES = ("Alpine", "Quiet", "Golden", "Nordic", "Everyday", "Crème", "Tiny", "Vintage")
NOUNS = ("Mug", "Backpack", "Candle", "Jacket", "Notebook", "Lamp", "Blanket", "Scarf", "Teapot")
FLOURISHES = (
    "",
    "",
    "",
    "",
    " ✨",
    " – Édition limitée",
    " 👩🏽\u200d🚀",
    " العربية",
    " e\u0301clair",
)
OPTIONS = (("Size", ("S", "M", "L", "XL")), ("Color", ("Red", "Slate", "Sauge", "青")))
VENDORS = ("Alpine & Co", "Fjord Works", 'Cedar "Studio"', "Harbor Goods", None)
TYPES = ("Home", "Outdoor", "Clothing", "Paper", "")
TAGS = ("new", "sale", "gift", "eco", "Été", "wholesale", "b2b", "🎁")
NOTES = (
    None, None, None, None, "Please leave with the neighbour.", "Gift wrap, s'il vous plaît 🎁",
    "line one\nline two", "separator\u2028inside", "‏من فضلك اتصل قبل التسليم‏",
    "a\u0301e\u0301 combining", "quote \" backslash \\ tab\t",
)  # fmt: skip
DISCOUNTS = ("TENOFF", "WELCOME10", "ÉTÉ-25", "FREESHIP", "VIP 🎉")
ENGRAVINGS = ("Happy Birthday", "À bientôt", "🐈", "שלום", "J + M")
CARRIERS = ("UPS", "DHL Express", "La Poste", "Royal Mail", None)
REFUND_NOTES = (None, "it broke during shipping", "wrong size", "客様都合", "goodwill")
# shop currency, the currencies buyers see, with units of theirs for one of the shop's
CURRENCIES = (
    ("USD", {"USD": 1.0, "CAD": 1.37, "EUR": 0.92}),
    ("EUR", {"EUR": 1.0, "GBP": 0.85, "CHF": 0.95}),
    ("GBP", {"GBP": 1.0, "EUR": 1.17, "JPY": 188.0}),
)
# Currencies without a smaller unit.
WHOLE = ("JPY",)
