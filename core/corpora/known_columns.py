"""Names that columns go by, in five languages, and the roles that they suggest."""

from __future__ import annotations

import re
import unicodedata

# Whole column names, as `normalise` writes them: English, Spanish, German, French, Chinese.
_NAMES = {
    "title": """
        title headline heading subject titulo titular encabezado titel schlagzeile uberschrift titre
        intitule 标题 標題 题目 商品名称 名称 item_title product_title video_title product_name item_name song_title
        track_title
    """,
    "caption": """
        caption description desc summary abstract subtitle blurb excerpt synopsis overview tagline
        short_description descripcion resumen leyenda sinopsis subtitulo beschreibung zusammenfassung
        bildunterschrift untertitel kurzbeschreibung legende resume sous_titre apercu 描述 简介 摘要 说明 文案 概要
        副标题
    """,
    "category": """
        category categories category_name genre genres section topic channel department rubric categoria
        categorias genero seccion kategorie kategorien rubrik sparte thema categorie genre rubrique theme
        类别 分类 类目 频道 类型 栏目
    """,
    "ocr": """
        ocr ocr_text ocr_cover cover_text text_in_picture text_in_image image_text picture_text
        on_screen_text screen_text texto_ocr texto_imagen texto_de_la_imagen bildtext text_im_bild
        texte_image texte_ocr 封面文字 图片文字 画面文字 文字识别 封面文本
    """,
    "speech": """
        asr asr_text asr_pure speech speech_text transcript transcription spoken spoken_text audio_text
        subtitles voice_over voiceover lyrics transcripcion voz habla discurso letra transkript
        transkription gesprochenes sprachtext parole paroles discours 语音 语音文本 字幕 转写 口播 台词 歌词
    """,
    "body": """
        body text content contents details detail article full_text fulltext document message review post
        story passage texto contenido cuerpo detalle detalles articulo resena inhalt volltext artikel
        nachricht einzelheiten texte contenu corps texte_integral avis 正文 内容 详情 全文 文本 文章 评论
    """,
    "clue": """
        speaker event author authors artist brand album creator director publisher place location name
        source keyphrase ponente evento autor autora artista marca lugar nombre redner veranstaltung
        kunstler marke ort hersteller orateur evenement auteur artiste marque lieu nom editeur 作者 演讲者 品牌
        歌手 艺人 地点 活动 导演
    """,
    "gold": """
        tags tag gold gold_tags labels label keywords hashtags hashtag topic_tag topic_tags topics
        aspect_list aspects etiquetas etiqueta palabras_clave schlagworte schlagworter stichworte
        stichworter schlusselworter etiketten etiquettes mots_cles motscles balises 标签 标签列表 关键词 关键字 话题
        话题标签
    """,
    "link": """
        link url href permalink web website webpage homepage page_url item_url enlace vinculo sitio_web
        verweis webseite lien site_web 链接 网址 网页
    """,
    "media": """
        image img picture photo thumbnail cover file filename file_name filepath file_path path
        image_path image_file image_url img_url audio audio_path audio_file video video_path video_file
        media media_path imagen foto archivo ruta bild datei dateiname pfad fichier chemin photo_url 图片
        图像 照片 文件 文件名 视频 音频 封面
    """,
    "id": """
        id uid uuid guid identifier key identificador clave kennung schlussel identifiant ytid isbn sku
        asin doi 编号 序号 标识
    """,
}
ROLE_OF = {name: role for role, names in _NAMES.items() for name in names.split()}
"""A whole column name to the role that it suggests."""


def normalise(name: str) -> str:
    """A column's name for comparison: `Topic-Tag`, `topicTag` and `topic tag` are all `topic_tag`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    plain = unicodedata.normalize("NFKD", spaced.casefold())
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFC", bare)).strip("_")
