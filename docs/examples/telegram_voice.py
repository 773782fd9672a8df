"""Answers voice messages on Telegram with a text and a voice message.

    pip install 'hushd[default]' python-telegram-bot
    TELEGRAM_TOKEN=123:abc python telegram_voice.py YOUR_USERNAME…      # @BotFather has the token

Voice messages are Ogg with Opus, which hushd reads and writes. Only named users get answers, since anybody may write to
a bot. `answer` is the place for a language model.
"""

from __future__ import annotations

import os
import sys

import hushd
from telegram import Update
from telegram.ext import Application, ApplicationBuilder, ContextTypes, MessageHandler, filters


def answer(text: str) -> str:
    """Returns the reply to the words of a message."""
    return f"You said: {text}"


async def reply(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Answers a voice message, with a text and with a voice message."""
    client: hushd.AsyncClient = context.bot_data["hushd"]
    message = update.message
    assert message
    assert message.voice
    try:
        recording = await (await message.voice.get_file()).download_as_bytearray()
        text = answer((await client.transcribe(bytes(recording))).text)
        await message.reply_text(text)
        async with await client.synthesize(text, format="opus") as speech:
            await message.reply_voice(b"".join([chunk async for chunk in speech]))
    except hushd.HushdError as error:
        await message.reply_text(str(error))


async def connect(application: Application) -> None:
    """Makes the client, which connects with the first message."""
    application.bot_data["hushd"] = hushd.AsyncClient()


async def disconnect(application: Application) -> None:
    """Closes the client."""
    await application.bot_data["hushd"].close()


def main() -> None:
    server = os.environ.get("TELEGRAM_SERVER", "https://api.telegram.org")  # or a Bot API server of your own
    builder = ApplicationBuilder().token(os.environ["TELEGRAM_TOKEN"])
    builder.base_url(f"{server}/bot").base_file_url(f"{server}/file/bot")
    builder.connect_timeout(60).read_timeout(60).write_timeout(60).pool_timeout(60)  # of voices on a slow line
    application = builder.post_init(connect).post_shutdown(disconnect).build()
    application.add_handler(MessageHandler(filters.VOICE & filters.User(username=sys.argv[1:]), reply))
    application.run_polling()


if __name__ == "__main__":
    main()
