from gen_ai_examples.cli import main

if __name__ == "__main__":
    main()
