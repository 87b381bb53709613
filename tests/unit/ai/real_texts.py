"""Texts as registries hold them, with the awkward ones among them."""

PLAIN_TEXTS = (
    "requests\nPython HTTP for Humans.",
    "libssl3\nSecure Sockets Layer toolkit - shared libraries",
    "Nightly sales ETL\nExtracts orders from Postgres and loads them into the warehouse, finance",
    "getUserByEmailAddress returns HTTP 404 if no user_profile matches",
    "SELECT id, title FROM entry WHERE owner = 'data-team' ORDER BY updated_at DESC LIMIT 20;",
    "Réseau de neurones entraîné sur des images médicales, précision 94 %",
    "数据集:一百万张带标签的图片",
    "https://example.org/models/fraud?version=2.13.0#metrics",
)

AWKWARD_TEXTS = (
    "",
    " ",
    "\n\t \r\n",
    "a",
    "?",
    "🚀",
    "deploys 🚀🔥 to 🇩🇪 with 👩‍👩‍👧‍👦",
    "نظام البحث عن النصوص العربية في السجل",
    "מאגר נתונים של מסמכים",
    "e\u0301\u0327\u0301 combining marks",
    "a\x00b",
    "x" * 3000,
    " ".join(f"word{number}" for number in range(5000)),
    "machine learning " * 2500,
)
