// Apple's SpeechAnalyzer (macOS 26 or newer) as a program for hushd's engine `command`.
//
//     swiftc -O -parse-as-library speech-analyzer.swift -o ~/.config/hushd/commands/speech-analyzer
//     speech-analyzer FILE.wav LANGUAGE        prints whisper's JSON: segments with words and their times
//
// UNTESTED: written after Apple's documentation, and never compiled or run by hushd's makers, who had no Mac.

import AVFoundation
import Foundation
import Speech

struct Word: Encodable {
    let word: String
    let start: Double
    let end: Double
}

struct Segment: Encodable {
    let start: Double
    let end: Double
    let text: String
    let words: [Word]
}

struct Transcript: Encodable {
    let language: String
    let segments: [Segment]
}

struct Failure: Error, CustomStringConvertible {
    let description: String
}

@main
struct SpeechAnalyzerProgram {
    static func main() async {
        let arguments = CommandLine.arguments
        do {
            guard arguments.count == 3 else {
                throw Failure(description: "usage: speech-analyzer FILE.wav LANGUAGE")
            }
            let transcript = try await transcribe(URL(fileURLWithPath: arguments[1]), language: arguments[2])
            FileHandle.standardOutput.write(try JSONEncoder().encode(transcript))
        } catch {
            // hushd shows the last line of what a program writes here.
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(1)
        }
    }

    static func transcribe(_ file: URL, language: String) async throws -> Transcript {
        let wanted = Locale(identifier: language)
        guard let locale = await SpeechTranscriber.supportedLocale(equivalentTo: wanted) else {
            throw Failure(description: "SpeechTranscriber does not hear \(language)")
        }
        let transcriber = SpeechTranscriber(
            locale: locale, transcriptionOptions: [], reportingOptions: [], attributeOptions: [.audioTimeRange])
        if let download = try await AssetInventory.assetInstallationRequest(supporting: [transcriber]) {
            try await download.downloadAndInstall()
        }
        let analyzer = SpeechAnalyzer(modules: [transcriber])
        try await analyzer.start(inputAudioFile: AVAudioFile(forReading: file), finishAfterFile: true)
        var segments: [Segment] = []
        for try await result in transcriber.results where result.isFinal {
            segments.append(segment(result.text))
        }
        return Transcript(language: language, segments: segments.filter { !$0.text.isEmpty })
    }

    /// A result's runs are its words, each with the time it was said at.
    static func segment(_ text: AttributedString) -> Segment {
        var words: [Word] = []
        for run in text.runs {
            let word = String(text[run.range].characters).trimmingCharacters(in: .whitespacesAndNewlines)
            if let range = run.audioTimeRange, !word.isEmpty {
                words.append(Word(word: word, start: range.start.seconds, end: range.end.seconds))
            }
        }
        return Segment(
            start: words.first?.start ?? 0, end: words.last?.end ?? 0,
            text: String(text.characters).trimmingCharacters(in: .whitespacesAndNewlines), words: words)
    }
}
